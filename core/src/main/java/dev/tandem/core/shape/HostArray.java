package dev.tandem.core.shape;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Dense row-major values in host memory: what readers produce, loaders batch, and tensors are written from and read into. Numbers
 * are in the machine's byte order; BF16 elements are the upper halves of floats, BOOL elements bytes 0 or 1.
 */
public final class HostArray {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfDouble F64 = ValueLayout.JAVA_DOUBLE_UNALIGNED;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final Spec spec;
  private final MemorySegment data;

  private HostArray(Spec spec, MemorySegment data) {
    this.spec = spec;
    this.data = data;
  }

  /** Wraps memory that holds exactly the elements of {@code spec}; nothing is copied. */
  public static HostArray wrap(Spec spec, MemorySegment data) {
    if (data.byteSize() != spec.bytes()) {
      throw new ShapeException(data.byteSize() + " bytes of host memory for " + spec + ", which has " + spec.bytes());
    }
    return new HostArray(spec, data);
  }

  /** Zeros in heap memory. */
  public static HostArray zeros(DType dtype, int... dims) {
    Spec spec = new Spec(Shape.of(dims), dtype);
    int n = Math.toIntExact(spec.shape().size());
    return wrap(spec, switch (dtype) {
      case F32 -> MemorySegment.ofArray(new float[n]);
      case F64 -> MemorySegment.ofArray(new double[n]);
      case I32 -> MemorySegment.ofArray(new int[n]);
      case BF16 -> MemorySegment.ofArray(new short[n]);
      case U8, BOOL -> MemorySegment.ofArray(new byte[n]);
    });
  }

  /** F32 values, not copied. */
  public static HostArray of(float[] values, int... dims) {
    return wrap(new Spec(Shape.of(dims), DType.F32), MemorySegment.ofArray(values));
  }

  /** F64 values, not copied. */
  public static HostArray of(double[] values, int... dims) {
    return wrap(new Spec(Shape.of(dims), DType.F64), MemorySegment.ofArray(values));
  }

  /** I32 values, not copied. */
  public static HostArray of(int[] values, int... dims) {
    return wrap(new Spec(Shape.of(dims), DType.I32), MemorySegment.ofArray(values));
  }

  /** U8 values, not copied. */
  public static HostArray of(byte[] values, int... dims) {
    return wrap(new Spec(Shape.of(dims), DType.U8), MemorySegment.ofArray(values));
  }

  /** BOOL values. */
  public static HostArray of(boolean[] values, int... dims) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (values[i] ? 1 : 0);
    }
    return wrap(new Spec(Shape.of(dims), DType.BOOL), MemorySegment.ofArray(bytes));
  }

  public Spec spec() {
    return spec;
  }

  public Shape shape() {
    return spec.shape();
  }

  public DType dtype() {
    return spec.dtype();
  }

  /** The elements themselves. */
  public MemorySegment data() {
    return data;
  }

  /** Element {@code i} in row-major order, converted to double. */
  public double get(long i) {
    return switch (dtype()) {
      case F32 -> data.getAtIndex(F32, i);
      case F64 -> data.getAtIndex(F64, i);
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(BF16, i) << 16);
      case I32 -> data.getAtIndex(I32, i);
      case U8, BOOL -> data.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
    };
  }

  /** Stores {@code value} as element {@code i}: BF16 rounds to nearest even, integers truncate, BOOL is {@code value != 0}. */
  public void set(long i, double value) {
    switch (dtype()) {
      case F32 -> data.setAtIndex(F32, i, (float) value);
      case F64 -> data.setAtIndex(F64, i, value);
      case BF16 -> data.setAtIndex(BF16, i, toBf16((float) value));
      case I32 -> data.setAtIndex(I32, i, (int) value);
      case U8 -> data.set(ValueLayout.JAVA_BYTE, i, (byte) (int) value);
      case BOOL -> data.set(ValueLayout.JAVA_BYTE, i, (byte) (value != 0 ? 1 : 0));
    }
  }

  /** The upper half of {@code value}, rounded to nearest even; NaN stays NaN. */
  public static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  /** All elements as floats, in a new array. */
  public float[] toFloats() {
    float[] r = new float[count()];
    if (dtype() == DType.F32) {
      MemorySegment.ofArray(r).copyFrom(data);
    } else {
      for (int i = 0; i < r.length; i++) {
        r[i] = (float) get(i);
      }
    }
    return r;
  }

  /** All elements as doubles, in a new array. */
  public double[] toDoubles() {
    double[] r = new double[count()];
    for (int i = 0; i < r.length; i++) {
      r[i] = get(i);
    }
    return r;
  }

  /** All elements as ints, in a new array; for I32, U8 and BOOL.
   *
   * @throws ShapeException for floating-point elements, which this would round silently
   */
  public int[] toInts() {
    if (dtype().isFloat()) {
      throw new ShapeException("integers wanted from " + spec + "; convert it first");
    }
    int[] r = new int[count()];
    for (int i = 0; i < r.length; i++) {
      r[i] = (int) get(i);
    }
    return r;
  }

  private int count() {
    if (shape().size() > Integer.MAX_VALUE - 8) {
      throw new ShapeException(spec + " is too large for a Java array");
    }
    return (int) shape().size();
  }

  @Override
  public String toString() {
    return spec + (shape().size() <= 16 ? Arrays.toString(toDoubles()) : "");
  }
}
