package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/** What stands beyond the edge of an image. */
public enum PaddingMode {
  ZEROS,
  /** The inside mirrored at the outermost element, which is not repeated: {@code 3 2 | 1 2 3 | 2 1}. */
  REFLECT,
  /** The outermost element: {@code 1 1 | 1 2 3 | 3 3}. */
  REPLICATE,
  /** The other end: {@code 2 3 | 1 2 3 | 1 2}. */
  CIRCULAR;

  /** {@code n - 1 - i}. */
  private static final Program BACKWARDS =
      Program.of(1, Expr.argument(0, Kind.INT).sub(Expr.input(0, Kind.INT)));

  /** {@code x} with {@code before} and {@code after} more elements along {@code axis}.
   *
   * @throws ShapeException if x has too few elements to take them from
   */
  public Tensor pad(Tensor x, int axis, int before, int after) {
    int n = x.shape().dim(axis);
    int most = Math.max(before, after);
    ShapeException.require(before >= 0 && after >= 0, "padding must not be negative");
    if (most == 0) {
      return x;
    }
    if (this == REFLECT && most >= n || this == CIRCULAR && most > n || this == REPLICATE && n == 0) {
      throw new ShapeException("padding of " + most + " in mode " + this + " beside " + n + " elements along axis "
          + axis + " of " + x.shape() + "; it must be " + (this == REFLECT ? "smaller" : "no larger"));
    }
    return switch (this) {
      case ZEROS -> x.pad(axis, before, after, 0);
      case REFLECT -> joined(x, axis, before, after, backwards(x.slice(axis, 1, before + 1), axis),
          backwards(x.slice(axis, n - 1 - after, n - 1), axis));
      case REPLICATE -> joined(x, axis, before, after, repeated(x.slice(axis, 0, 1), axis, before),
          repeated(x.slice(axis, n - 1, n), axis, after));
      case CIRCULAR -> joined(x, axis, before, after, x.slice(axis, n - before, n), x.slice(axis, 0, after));
    };
  }

  private static Tensor joined(Tensor x, int axis, int before, int after, Tensor first, Tensor last) {
    if (before == 0) {
      return Tensor.concat(axis, x, last);
    }
    return after == 0 ? Tensor.concat(axis, first, x) : Tensor.concat(axis, first, x, last);
  }

  private static Tensor repeated(Tensor element, int axis, int times) {
    return element.expand(element.shape().with(axis, times).dims());
  }

  private static Tensor backwards(Tensor x, int axis) {
    int n = x.shape().dim(axis);
    if (n < 2) {
      return x;
    }
    Tensor index = Tensor.pointwise("backwards", BACKWARDS, Launch.of(n - 1), Tensor.arange(x.device(), n));
    return x.indexSelect(axis, index);
  }
}
