package dev.tandem.core.nn;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;
import java.util.function.Supplier;

/** A loss that frees what it made on the way, and names itself in errors. */
abstract class FramedLoss implements Loss {
  private final String name;

  FramedLoss(String name) {
    this.name = name;
  }

  abstract Tensor compute(Tensor output, Tensor target);

  @Override
  public final Tensor apply(Tensor output, Tensor target) {
    return framed(name, () -> compute(output, target));
  }

  /** Runs {@code body} as a frame of the current step, if there is one. */
  static Tensor framed(String name, Supplier<Tensor> body) {
    Scope scope = Scope.current();
    return scope == null ? body.get() : scope.frame(name, body, List::of);
  }

  /** {@code t} with the digits that a loss wants: BF16 becomes F32, in which its gradient arrives too before it is rounded. */
  static Tensor wide(Tensor t) {
    return t.dtype() == DType.BF16 ? t.to(DType.F32) : t;
  }

  ShapeException mistake(Tensor output, Tensor target, String what) {
    return new ShapeException(name + " of " + output.spec() + " against " + target.spec() + ": " + what);
  }

  @Override
  public String toString() {
    return name;
  }
}
