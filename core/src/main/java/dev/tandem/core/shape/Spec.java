package dev.tandem.core.shape;

/** What shape inference knows of a tensor. Written as {@code F32[2, 8]}. */
public record Spec(Shape shape, DType dtype) {
  /** Bytes of a dense tensor of this kind. */
  public long bytes() {
    return shape.size() * dtype.bytes();
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
