package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * Dropout for networks of {@link Selu}: in training sets elements to the value that selu approaches at minus infinity, with
 * probability p, and scales and shifts all so that mean 0 and variance 1 stay. Klambauer et al., Self-normalizing neural networks,
 * NeurIPS 2017, section "new dropout technique".
 */
public final class AlphaDropout extends Module {
  /** {@code -scale * alpha} of selu. */
  private static final double SATURATED = -1.7580993408473766;
  private static final Program DROP = Program.of(2, Expr.random(Expr.input(1, Kind.INT), 0).less(Expr.argument(0))
      .where(Expr.constant(SATURATED), Expr.input(0)).mul(Expr.argument(1)).add(Expr.argument(2)));

  private final double p;

  /** @param p probability of a dropped element, 0 to below 1 */
  public AlphaDropout(double p) {
    if (!(p >= 0 && p < 1)) {
      throw new IllegalArgumentException("alpha dropout with probability " + p + "; it must be at least 0 and below 1");
    }
    this.p = p;
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (p == 0 || !Scope.isTraining()) {
      return x;
    }
    RandomState random = Scope.requireTraining("alpha dropout").random();
    double a = 1 / Math.sqrt((1 - p) * (1 + p * SATURATED * SATURATED));
    Launch launch = new Launch(List.of(p, a, -a * p * SATURATED), random.nextKey());
    return Tensor.pointwise("alphaDropout", DROP, launch, x, random.counter());
  }
}
