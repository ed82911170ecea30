package dev.tandem.core.shape;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

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

  /** The shape that all of these broadcast to. */
  public static Shape broadcast(List<Spec> specs) {
    List<Shape> shapes = new ArrayList<>(specs.size());
    for (Spec s : specs) {
      shapes.add(s.shape);
    }
    return Shape.broadcast(shapes);
  }

  // Written out since the first step compares specs: see Program.Instruction.
  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Spec s && dtype == s.dtype && shape.equals(s.shape);
  }

  @Override
  public int hashCode() {
    return 31 * shape.hashCode() + dtype.hashCode();
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
