package dev.tandem.core.io;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipException;

/**
 * The IDX format of the MNIST files (Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits"):
 * two zero bytes, the element type, the number of dimensions, each dimension in 4 bytes, then the elements row by row;
 * all numbers big-endian. A file may be compressed with gzip, which is recognised by its content and not by its name.
 *
 * <p>Unsigned bytes become U8, signed bytes, shorts and ints I32, floats F32, doubles F64.
 */
public final class Idx {
  /**
   * The largest array, in bytes, that is read unless another limit is given: 2 GiB, less what a Java array cannot have.
   */
  public static final long MAX_BYTES = Integer.MAX_VALUE - 8L;

  private static final int GZIP_MAGIC_1 = 0x1F;
  private static final int GZIP_MAGIC_2 = 0x8B;

  private Idx() {}

  /** Element types: code in the file, bytes in the file, what they become. */
  private enum Element {
    UNSIGNED_BYTE(0x08, 1, DType.U8), SIGNED_BYTE(0x09, 1, DType.I32), SHORT(0x0B, 2, DType.I32),
    INT(0x0C, 4, DType.I32),
    FLOAT(0x0D, 4, DType.F32), DOUBLE(0x0E, 8, DType.F64);

    private final int code;
    private final int bytes;
    private final DType dtype;

    Element(int code, int bytes, DType dtype) {
      this.code = code;
      this.bytes = bytes;
      this.dtype = dtype;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ') + "s";
    }
  }

  /** Lets the decompressor free its memory while the stream stays open for its owner. */
  private static final class Unclosed extends FilterInputStream {
    Unclosed(InputStream in) {
      super(in);
    }

    @Override
    public void close() {}
  }

  private record Header(Element element, Shape shape, int length) {
    /** Bytes of the elements in the file. */
    int bytes() {
      return Math.toIntExact(shape.size() * element.bytes);
    }
  }

  /** Reads a file of at most {@link #MAX_BYTES}. */
  public static HostArray read(Path file) throws IOException {
    return read(file, MAX_BYTES);
  }

  /**
   * Reads a file.
   *
   * @param maxBytes the largest array that is accepted, at most {@link #MAX_BYTES}
   * @throws FileFormatException if the file is no IDX file, shorter or longer than it declares, or larger than the
   *         limit
   */
  public static HostArray read(Path file, long maxBytes) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString(), maxBytes, Files.size(file));
    }
  }

  /**
   * Reads a stream to its end, as for {@link #read(Path)}, and does not close it.
   *
   * @param name what messages call the stream
   */
  public static HostArray read(InputStream in, String name) throws IOException {
    return read(in, name, MAX_BYTES, Long.MAX_VALUE);
  }

  private static HostArray read(InputStream raw, String name, long maxBytes, long available) throws IOException {
    BufferedInputStream in = new BufferedInputStream(raw);
    in.mark(2);
    boolean gzip = in.read() == GZIP_MAGIC_1 && in.read() == GZIP_MAGIC_2;
    in.reset();
    if (!gzip) {
      return readPlain(in, name, maxBytes, available);
    }
    try (GZIPInputStream plain = new GZIPInputStream(new Unclosed(in))) {
      return readPlain(plain, name, maxBytes, Long.MAX_VALUE);
    } catch (ZipException e) {
      throw new FileFormatException(name, "corrupt gzip data: " + e.getMessage(), e);
    } catch (EOFException e) {
      throw new FileFormatException(name, "the gzip data end too early; the file is truncated", e);
    }
  }

  private static HostArray readPlain(InputStream in, String name, long maxBytes, long available) throws IOException {
    Header header = header(in, name, maxBytes);
    int bytes = header.bytes();
    long rest = available - header.length;
    if (available != Long.MAX_VALUE && rest != bytes) {
      throw wrongLength(header, name, rest > bytes ? "more" : rest + " of them");
    }
    // readNBytes takes memory as data arrive, so a stream that declares more than it has costs nothing.
    byte[] data = in.readNBytes(bytes);
    if (data.length < bytes) {
      throw wrongLength(header, name, data.length + " of them");
    }
    if (in.read() >= 0) {
      throw wrongLength(header, name, "more");
    }
    return convert(header, data);
  }

  private static FileFormatException wrongLength(Header header, String name, String has) {
    return new FileFormatException(name,
        "an IDX file of " + header.element + " " + header.shape + " has " + header.bytes()
            + " bytes after its header, this one has " + has);
  }

  private static Header header(InputStream in, String name, long maxBytes) throws IOException {
    byte[] magic = in.readNBytes(4);
    if (magic.length < 4) {
      throw new FileFormatException(name,
          magic.length == 0 ? "the file is empty" : "the file ends inside the IDX header");
    }
    if (magic[0] != 0 || magic[1] != 0) {
      throw new FileFormatException(name,
          "not an IDX file: it begins with %02x %02x and not with 00 00".formatted(magic[0], magic[1]));
    }
    Element element = Arrays.stream(Element.values()).filter(e -> e.code == magic[2]).findFirst()
        .orElseThrow(() -> new FileFormatException(name, "IDX has no element type 0x%02x".formatted(magic[2])));
    int rank = magic[3] & 0xFF;
    ByteBuffer sizes = ByteBuffer.wrap(in.readNBytes(4 * rank));
    if (sizes.remaining() < 4 * rank) {
      throw new FileFormatException(name, "the file ends inside the IDX header, which has " + rank + " dimensions");
    }
    int[] dims = new int[rank];
    sizes.asIntBuffer().get(dims);
    for (int dim : dims) {
      if (dim < 0) {
        throw new FileFormatException(name,
            "a dimension of " + Integer.toUnsignedString(dim) + "; at most 2147483647 is read");
      }
    }
    Shape shape;
    try {
      shape = Shape.of(dims);
    } catch (ShapeException e) {
      throw new FileFormatException(name, "impossible dimensions: " + e.getMessage(), e);
    }
    int largest = Math.max(element.bytes, element.dtype.bytes());
    if (shape.size() > Math.min(maxBytes, MAX_BYTES) / largest) {
      throw new FileFormatException(name, "declares " + element + " " + shape + ", which is more than the limit of "
          + Math.min(maxBytes, MAX_BYTES) + " bytes");
    }
    return new Header(element, shape, 4 + 4 * rank);
  }

  private static HostArray convert(Header header, byte[] data) {
    int n = (int) header.shape.size();
    int[] dims = header.shape.dims();
    ByteBuffer from = ByteBuffer.wrap(data);
    return switch (header.element) {
      case UNSIGNED_BYTE -> HostArray.of(data, dims);
      case SIGNED_BYTE -> {
        int[] values = new int[n];
        Arrays.setAll(values, i -> data[i]);
        yield HostArray.of(values, dims);
      }
      case SHORT -> {
        int[] values = new int[n];
        Arrays.setAll(values, i -> from.getShort(2 * i));
        yield HostArray.of(values, dims);
      }
      case INT -> {
        int[] values = new int[n];
        from.asIntBuffer().get(values);
        yield HostArray.of(values, dims);
      }
      case FLOAT -> {
        float[] values = new float[n];
        from.asFloatBuffer().get(values);
        yield HostArray.of(values, dims);
      }
      case DOUBLE -> {
        double[] values = new double[n];
        from.asDoubleBuffer().get(values);
        yield HostArray.of(values, dims);
      }
    };
  }

  /**
   * Writes {@code array} to {@code file}, compressed with gzip if its name ends with {@code .gz}. An existing file is
   * replaced when the new one is complete.
   *
   * @throws IllegalArgumentException if the array is BF16 or BOOL, which the format does not have, or has a rank above
   *         255
   */
  public static void write(Path file, HostArray array) throws IOException {
    Element element = switch (array.dtype()) {
      case U8 -> Element.UNSIGNED_BYTE;
      case I32 -> Element.INT;
      case F32 -> Element.FLOAT;
      case F64 -> Element.DOUBLE;
      case BF16, BOOL ->
          throw new IllegalArgumentException(
              array.spec() + " for " + file + ": IDX has no " + array.dtype() + "; convert it first");
    };
    if (array.shape().rank() > 255) {
      throw new IllegalArgumentException(array.spec() + " for " + file + ": IDX has at most 255 dimensions");
    }
    try (AtomicFile target = new AtomicFile(file)) {
      try (OutputStream plain = target.open();
          OutputStream out = file.toString().endsWith(".gz") ? new GZIPOutputStream(plain, 1 << 16) : plain) {
        write(new DataOutputStream(new BufferedOutputStream(out)), element, array);
      }
      target.commit();
    }
  }

  private static void write(DataOutputStream out, Element element, HostArray array) throws IOException {
    out.writeShort(0);
    out.writeByte(element.code);
    out.writeByte(array.shape().rank());
    for (int dim : array.shape().dims()) {
      out.writeInt(dim);
    }
    for (long i = 0; i < array.shape().size(); i++) {
      switch (element) {
        case UNSIGNED_BYTE, SIGNED_BYTE -> out.writeByte((int) array.get(i));
        case SHORT -> out.writeShort((int) array.get(i));
        case INT -> out.writeInt((int) array.get(i));
        case FLOAT -> out.writeFloat((float) array.get(i));
        case DOUBLE -> out.writeDouble(array.get(i));
      }
    }
    out.flush();
  }
}
