package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * In training zeroes each element with probability p and scales the others by {@code 1 / (1 - p)}, so that nothing is
 * left to do in inference: Srivastava et al., Dropout, JMLR 2014. The mask is drawn again in backward and never stored.
 */
public final class Dropout extends Module {
  private static final Program DROP = Program.of(2, Expr.random(Expr.input(1, Kind.INT), 0).less(Expr.argument(0))
      .where(Expr.constant(0), Expr.input(0).mul(Expr.argument(1))));

  private final double p;

  /** @param p probability of a zero, 0 to 1 */
  public Dropout(double p) {
    this.p = probability("dropout", p);
  }

  static double probability(String what, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException(what + " with probability " + p + "; it must lie between 0 and 1");
    }
    return p;
  }

  /** Each element of x, or all that broadcast from one element of {@code dims} together, dropped or scaled. */
  static Tensor drop(Tensor x, double p, int... dims) {
    if (p == 0 || !Scope.isTraining()) {
      return x;
    }
    RandomState random = Scope.requireTraining("dropout").random();
    // At p = 1 nothing is kept, and infinity as a factor would make NaN of the zero gradients.
    Launch launch = new Launch(List.of(p, p == 1 ? 0 : 1 / (1 - p)), random.nextKey());
    if (x.shape().equals(Shape.of(dims))) {
      return Tensor.pointwise("dropout", DROP, launch, x, random.counter());
    }
    Tensor mask = Tensor.pointwise("mask", DROP, launch, Tensor.ones(x.device()).expand(dims), random.counter());
    return x.mul(mask);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return drop(x, p, x.shape().dims());
  }
}
