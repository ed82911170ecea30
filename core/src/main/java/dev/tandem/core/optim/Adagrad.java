package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Adagrad (Duchi, Hazan, Singer: Adaptive Subgradient Methods, JMLR 2011), as in PyTorch: {@code s = s + g²;
 * p = p - lr / (1 + (t - 1) lrDecay) g / (sqrt(s) + ε)}.
 */
public final class Adagrad extends Optimizer {
  private final double learningRateDecay;
  private final double initialAccumulator;
  private final double eps;

  /** PyTorch's defaults; it suggests a learning rate of 0.01. */
  public Adagrad(double learningRate) {
    this(learningRate, 0, 0, 0, 1e-10);
  }

  /**
   * @param learningRateDecay lrDecay
   * @param weightDecay factor of the L2 penalty's gradient
   * @param initialAccumulator what s begins with
   */
  public Adagrad(double learningRate, double learningRateDecay, double weightDecay, double initialAccumulator,
      double eps) {
    super(learningRate, weightDecay, List.of("sum"));
    requireNotNegative("the decay of the learning rate", learningRateDecay);
    requireNotNegative("the initial accumulator", initialAccumulator);
    requireNotNegative("eps", eps);
    this.learningRateDecay = learningRateDecay;
    this.initialAccumulator = initialAccumulator;
    this.eps = eps;
  }

  @Override
  protected double initialState(String state) {
    return initialAccumulator;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr g = penalized(weightDecay);
    Expr sum = state(0).add(g.mul(g));
    return List.of(PARAMETER.sub(scalar(0).mul(g).div(sum.sqrt().add(eps))), sum);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate / (1 + (step - 1) * learningRateDecay)};
  }
}
