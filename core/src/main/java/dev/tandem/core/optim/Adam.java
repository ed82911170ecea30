package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Adam (Kingma and Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1):
 * {@code m = β1 m + (1 - β1) g; v = β2 v + (1 - β2) g²;
 * p = p - lr (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε)}.
 */
public class Adam extends MomentOptimizer {
  public Adam(double learningRate) {
    this(learningRate, 0.9, 0.999, 1e-8, 0);
  }

  /** @param weightDecay factor of the L2 penalty's gradient, added to g; for decoupled decay see {@link AdamW} */
  public Adam(double learningRate, double beta1, double beta2, double eps, double weightDecay) {
    this(learningRate, beta1, beta2, eps, weightDecay, false);
  }

  Adam(double learningRate, double beta1, double beta2, double eps, double weightDecay, boolean decoupled) {
    super(learningRate, beta1, beta2, eps, weightDecay, decoupled);
  }

  @Override
  protected final List<Expr> formula(double weightDecay) {
    Expr rate = scalar(0);
    Expr mean = mean(weightDecay);
    Expr square = square(weightDecay);
    Expr step = rate.mul(mean.mul(scalar(1))).div(square.mul(scalar(2)).sqrt().add(eps));
    return List.of(decayed(weightDecay, rate).sub(step), mean, square);
  }

  @Override
  protected final double[] scalars(int step, double learningRate) {
    return new double[] {learningRate, 1 / correction1(step), 1 / correction2(step)};
  }
}
