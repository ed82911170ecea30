package dev.tandem.core.shape;

/** What shape inference knows of a tensor. Written as {@code F32[2, 8]}. */
public record Spec(Shape shape, DType dtype) {
  /** Bytes of a dense tensor of this kind.
   *
   * @throws ShapeException if they cannot be counted in 64 bits
   */
  public long bytes() {
    try {
      return Math.multiplyExact(shape.size(), (long) dtype.bytes());
    } catch (ArithmeticException e) {
      throw new ShapeException("the bytes of " + this + " cannot be counted in 64 bits");
    }
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
