package dev.tandem.core.io;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The safetensors format (github.com/huggingface/safetensors): the length of the header in 8 bytes, little-endian; a
 * header in JSON that gives dtype, shape and place of each tensor; the tensors, row-major and little-endian. Reading
 * checks what the reference implementation checks: a header of at most 100 MB, no name twice, tensors that cover the
 * data exactly.
 *
 * <p>F32, F64, BF16, I32, U8 and BOOL are read and written; a file with another dtype is refused whole, as nothing is
 * converted silently.
 */
public final class Safetensors {
  private static final int MAX_HEADER = 100_000_000;
  private static final int CHUNK = 1 << 20;

  private Safetensors() {}

  /**
   * What a file holds.
   *
   * @param metadata free text that came with the tensors
   * @param tensors by name, in the order of the header
   */
  public record Content(Map<String, String> metadata, Map<String, HostArray> tensors) {
    public Content {
      metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
      tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }
  }

  /**
   * Maps a file into memory. The arrays are read-only and stay on disk until they are read; the file must not be
   * changed in place meanwhile ({@link #write} replaces a file and does not change it).
   *
   * @throws FileFormatException if the file breaks the format, or has a tensor of a dtype that is not read
   */
  public static Content read(Path file) throws IOException {
    requireLittleEndian(file);
    String name = file.toString();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < Long.BYTES) {
        throw new FileFormatException(name,
            "a file of " + size + " bytes is no safetensors file; the length of the header alone has 8");
      }
      long length = read(channel, name, Long.BYTES, 0).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (length < 0 || length > MAX_HEADER || length > size - Long.BYTES) {
        throw new FileFormatException(name,
            "declares a header of " + Long.toUnsignedString(length) + " bytes; the file has "
                + (size - Long.BYTES) + " for it, and more than " + MAX_HEADER + " are never read");
      }
      long start = Long.BYTES + length;
      SafetensorsHeader header = header(name, read(channel, name, (int) length, Long.BYTES), size - start);
      MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, start, size - start, Arena.ofAuto());
      Map<String, HostArray> tensors = new LinkedHashMap<>();
      for (Map.Entry<String, SafetensorsHeader.Entry> tensor : header.entries().entrySet()) {
        SafetensorsHeader.Entry entry = tensor.getValue();
        HostArray array = HostArray.wrap(entry.spec(), data.asSlice(entry.begin(), entry.end() - entry.begin()));
        requireTruthValues(name, tensor.getKey(), array);
        tensors.put(tensor.getKey(), array);
      }
      return new Content(header.metadata(), tensors);
    }
  }

  private static void requireLittleEndian(Path file) throws IOException {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IOException(file + ": safetensors files are little-endian and this machine is not; use one that is");
    }
  }

  private static ByteBuffer read(FileChannel channel, String name, int bytes, long position) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new FileFormatException(name, "the file became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  private static SafetensorsHeader header(String name, ByteBuffer utf8, long dataBytes) throws FileFormatException {
    try {
      return SafetensorsHeader.parse(name, StandardCharsets.UTF_8.newDecoder().decode(utf8).toString(), dataBytes);
    } catch (CharacterCodingException e) {
      throw new FileFormatException(name, "the header is not UTF-8", e);
    }
  }

  /** The format does not promise that bytes of a BOOL are 0 or 1; {@link HostArray} does. */
  private static void requireTruthValues(String file, String name, HostArray array) throws FileFormatException {
    if (array.dtype() != DType.BOOL) {
      return;
    }
    for (long i = 0; i < array.shape().size(); i++) {
      if ((array.data().get(ValueLayout.JAVA_BYTE, i) & ~1) != 0) {
        throw new FileFormatException(file, "tensor \"" + name + "\" is BOOL, but its element " + i + " is "
            + (array.data().get(ValueLayout.JAVA_BYTE, i) & 0xFF) + " and neither 0 nor 1");
      }
    }
  }

  /**
   * Writes a file. An existing one is replaced when the new one is complete and on disk; whoever reads it meanwhile has
   * the old one.
   *
   * @param tensors by name; their order is not kept, the file has wide elements first and then names in order
   * @param metadata free text, may be empty
   * @throws IllegalArgumentException if a tensor is called {@code __metadata__}
   */
  public static void write(Path file, Map<String, HostArray> tensors, Map<String, String> metadata) throws IOException {
    requireLittleEndian(file);
    Map<String, Spec> specs = new LinkedHashMap<>();
    tensors.forEach((name, array) -> specs.put(name, array.spec()));
    SafetensorsHeader header = SafetensorsHeader.of(specs, metadata);
    byte[] text = header.encode();
    if (text.length > MAX_HEADER) {
      throw new IllegalArgumentException(
          "a header of " + text.length + " bytes for " + file + "; safetensors allows " + MAX_HEADER);
    }
    try (AtomicFile target = new AtomicFile(file)) {
      try (OutputStream out = target.open()) {
        out.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
        out.write(text);
        byte[] chunk = new byte[CHUNK];
        for (String name : header.entries().keySet()) {
          MemorySegment data = Objects.requireNonNull(tensors.get(name)).data();
          for (long at = 0; at < data.byteSize(); at += CHUNK) {
            int n = (int) Math.min(CHUNK, data.byteSize() - at);
            MemorySegment.copy(data, ValueLayout.JAVA_BYTE, at, chunk, 0, n);
            out.write(chunk, 0, n);
          }
        }
      }
      target.commit();
    }
  }
}
