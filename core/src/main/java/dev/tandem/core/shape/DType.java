package dev.tandem.core.shape;

/** Element types of tensors, with their size in memory and the kind of register a pointwise program reads them into. */
public enum DType {
  /** IEEE 754 single precision: the type of parameters, activations and gradients. */
  F32(4, Kind.FLOAT),
  /** IEEE 754 double precision; few backends have it, the reference backend does. */
  F64(8, Kind.FLOAT),
  /** The upper half of an {@link #F32}. A storage type: arithmetic converts to F32 and rounds to nearest even on writing. */
  BF16(2, Kind.FLOAT),
  /** Signed 32-bit integers: labels, indices, counters. */
  I32(4, Kind.INT),
  /** Unsigned bytes 0 to 255: pixels. Writing keeps the low eight bits. */
  U8(1, Kind.INT),
  /** Truth values, one byte each, 0 or 1: results of comparisons, masks. */
  BOOL(1, Kind.BOOL);

  /** What an element becomes in a register. */
  public enum Kind {
    FLOAT, INT, BOOL
  }

  private final int bytes;
  private final Kind kind;

  DType(int bytes, Kind kind) {
    this.bytes = bytes;
    this.kind = kind;
  }

  /** Size of one element in memory. */
  public int bytes() {
    return bytes;
  }

  public Kind kind() {
    return kind;
  }

  /** Whether elements are floating-point numbers; only those can require gradients. */
  public boolean isFloat() {
    return kind == Kind.FLOAT;
  }
}
