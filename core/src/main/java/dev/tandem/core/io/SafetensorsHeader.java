package dev.tandem.core.io;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The JSON header of a safetensors file: which tensor lies where.
 *
 * @param metadata free text, in the order of the file
 * @param entries in the order of the file
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, Entry> entries) {
  private static final String METADATA = "__metadata__";

  /** Bytes {@code begin} to {@code end} of the data, which follow the header. */
  record Entry(Spec spec, long begin, long end) {}

  /**
   * The header of a file with these tensors, one after the other: wide elements first, so that each is aligned to its
   * size, then by name, as the reference implementation orders them.
   */
  static SafetensorsHeader of(Map<String, Spec> tensors, Map<String, String> metadata) {
    List<Map.Entry<String, Spec>> sorted = new ArrayList<>(tensors.entrySet());
    sorted.sort(Comparator.<Map.Entry<String, Spec>>comparingInt(e -> rank(e.getValue().dtype())).reversed()
        .thenComparing(Map.Entry.comparingByKey()));
    Map<String, Entry> entries = new LinkedHashMap<>();
    long begin = 0;
    for (Map.Entry<String, Spec> tensor : sorted) {
      if (tensor.getKey().equals(METADATA)) {
        throw new IllegalArgumentException(
            "a tensor cannot be called " + METADATA + "; safetensors keeps that name for the metadata");
      }
      long end = Math.addExact(begin, tensor.getValue().bytes());
      entries.put(tensor.getKey(), new Entry(tensor.getValue(), begin, end));
      begin = end;
    }
    return new SafetensorsHeader(metadata, entries);
  }

  /** The position of a type in the reference implementation's list, which goes from narrow to wide. */
  private static int rank(DType dtype) {
    return switch (dtype) {
      case BOOL -> 0;
      case U8 -> 1;
      case BF16 -> 2;
      case I32 -> 3;
      case F32 -> 4;
      case F64 -> 5;
    };
  }

  /** The JSON, padded with spaces to a multiple of 8 bytes. */
  byte[] encode() {
    Map<String, Object> json = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      json.put(METADATA, metadata);
    }
    entries.forEach((name, entry) -> {
      Map<String, Object> tensor = new LinkedHashMap<>();
      tensor.put("dtype", entry.spec.dtype().name());
      tensor.put("shape", Arrays.stream(entry.spec.shape().dims()).boxed().toList());
      tensor.put("data_offsets", List.of(entry.begin, entry.end));
      json.put(name, tensor);
    });
    byte[] text = Json.write(json).getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
    Arrays.fill(padded, text.length, padded.length, (byte) ' ');
    return padded;
  }

  /**
   * Reads and checks the JSON of a header.
   *
   * @param dataBytes how many bytes follow the header; the tensors must cover them exactly, without holes or overlap
   */
  static SafetensorsHeader parse(String file, String text, long dataBytes) throws FileFormatException {
    if (!text.startsWith("{") || !(Json.parse(file, text) instanceof Map<?, ?> json)) {
      throw new FileFormatException(file, "the header of a safetensors file begins with '{', this one does not");
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (Map.Entry<?, ?> field : json.entrySet()) {
      String name = (String) field.getKey();
      if (name.equals(METADATA)) {
        metadata(file, field.getValue(), metadata);
      } else {
        entries.put(name, entry(file, name, field.getValue()));
      }
    }
    cover(file, entries, dataBytes);
    return new SafetensorsHeader(metadata, entries);
  }

  private static void metadata(String file, @Nullable Object json, Map<String, String> metadata)
      throws FileFormatException {
    if (!(json instanceof Map<?, ?> object)) {
      throw new FileFormatException(file, METADATA + " is not an object of strings");
    }
    for (Map.Entry<?, ?> field : object.entrySet()) {
      if (!(field.getValue() instanceof String value)) {
        throw new FileFormatException(file,
            METADATA + " has something else than a string under \"" + field.getKey() + "\"");
      }
      metadata.put((String) field.getKey(), value);
    }
  }

  private static Entry entry(String file, String name, @Nullable Object json) throws FileFormatException {
    if (!(json instanceof Map<?, ?> tensor) || !(tensor.get("dtype") instanceof String type)
        || !(tensor.get("shape") instanceof List<?> sizes)
        || !(tensor.get("data_offsets") instanceof List<?> offsets)) {
      throw new FileFormatException(file,
          "tensor \"" + name + "\" must be an object with the string dtype and the arrays shape and data_offsets");
    }
    DType dtype = Arrays.stream(DType.values()).filter(t -> t.name().equals(type)).findFirst()
        .orElseThrow(
            () -> new FileFormatException(file, "tensor \"" + name + "\" is of dtype " + type + "; Tandem reads "
                + Arrays.toString(DType.values()) + ", convert it before"));
    int[] dims = new int[sizes.size()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = (int) natural(file, name, "shape", sizes.get(i), Integer.MAX_VALUE);
    }
    if (offsets.size() != 2) {
      throw new FileFormatException(file, "tensor \"" + name + "\" has " + offsets.size() + " data_offsets and not 2");
    }
    long begin = natural(file, name, "data_offsets", offsets.get(0), Long.MAX_VALUE);
    long end = natural(file, name, "data_offsets", offsets.get(1), Long.MAX_VALUE);
    Spec spec;
    long bytes;
    try {
      spec = new Spec(Shape.of(dims), dtype);
      bytes = Math.multiplyExact(spec.shape().size(), (long) dtype.bytes());
    } catch (ShapeException | ArithmeticException e) {
      throw new FileFormatException(file, "tensor \"" + name + "\" has the impossible shape " + Arrays.toString(dims),
          e);
    }
    if (begin > end || end - begin != bytes) {
      throw new FileFormatException(file,
          "tensor \"" + name + "\" is " + spec + ", which has " + bytes + " bytes, but its data_offsets are ["
              + begin + ", " + end + "]");
    }
    return new Entry(spec, begin, end);
  }

  private static long natural(String file, String name, String field, @Nullable Object json, long max)
      throws FileFormatException {
    if (json instanceof Long value && value >= 0 && value <= max) {
      return value;
    }
    throw new FileFormatException(file,
        "tensor \"" + name + "\" has " + json + " in its " + field + "; integers from 0 to " + max
            + " are read");
  }

  private static void cover(String file, Map<String, Entry> entries, long dataBytes) throws FileFormatException {
    List<Map.Entry<String, Entry>> sorted = new ArrayList<>(entries.entrySet());
    sorted.sort(Comparator.<Map.Entry<String, Entry>>comparingLong(e -> e.getValue().begin)
        .thenComparingLong(e -> e.getValue().end));
    long covered = 0;
    for (Map.Entry<String, Entry> tensor : sorted) {
      long begin = tensor.getValue().begin;
      if (begin != covered) {
        throw new FileFormatException(file, "the data of tensor \"" + tensor.getKey() + "\" begin at byte " + begin
            + " where "
            + (begin < covered ? "they overlap others, which end at byte " : "a hole is left, as others end at byte ")
            + covered);
      }
      covered = tensor.getValue().end;
    }
    if (covered != dataBytes) {
      throw new FileFormatException(file,
          "the tensors have " + covered + " bytes, but " + dataBytes + " bytes follow the header"
              + (covered > dataBytes ? "; the file is truncated" : ""));
    }
  }
}
