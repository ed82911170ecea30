package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Adam with the infinity norm (Kingma and Ba 2015, algorithm 2), ε as in PyTorch: {@code m = β1 m + (1 - β1) g;
 * u = max(β2 u, |g| + ε); p = p - lr / (1 - β1^t) m / u}.
 */
public final class Adamax extends Optimizer {
  private final double beta1;
  private final double beta2;
  private final double eps;

  /** PyTorch's defaults; it suggests a learning rate of 0.002. */
  public Adamax(double learningRate) {
    this(learningRate, 0.9, 0.999, 1e-8, 0);
  }

  /** @param weightDecay factor of the L2 penalty's gradient */
  public Adamax(double learningRate, double beta1, double beta2, double eps, double weightDecay) {
    super(learningRate, weightDecay, List.of("exp_avg", "exp_inf"));
    requireFraction("beta1", beta1);
    requireFraction("beta2", beta2);
    requireNotNegative("eps", eps);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.eps = eps;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr g = penalized(weightDecay);
    Expr mean = state(0).mul(beta1).add(g.mul(1 - beta1));
    Expr norm = state(1).mul(beta2).max(g.abs().add(eps));
    return List.of(PARAMETER.sub(scalar(0).mul(mean).div(norm)), mean, norm);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate / (1 - Math.pow(beta1, step))};
  }
}
