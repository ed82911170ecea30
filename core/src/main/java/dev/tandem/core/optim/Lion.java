package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Lion (Chen et al.: Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, algorithm 2): {@code p = p - lr
 * (sign(β1 m + (1 - β1) g) + weightDecay p); m = β2 m + (1 - β2) g}. Wants learning rates some 3 to 10 times
 * smaller than {@link AdamW}, and weight decay as much larger.
 */
public final class Lion extends Optimizer {
  private final double beta1;
  private final double beta2;

  /** The paper's defaults; it suggests a learning rate of 0.0001. */
  public Lion(double learningRate) {
    this(learningRate, 0);
  }

  public Lion(double learningRate, double weightDecay) {
    this(learningRate, 0.9, 0.99, weightDecay);
  }

  /** @param weightDecay decoupled: the parameter itself decays */
  public Lion(double learningRate, double beta1, double beta2, double weightDecay) {
    super(learningRate, weightDecay, List.of("exp_avg"));
    requireFraction("beta1", beta1);
    requireFraction("beta2", beta2);
    this.beta1 = beta1;
    this.beta2 = beta2;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr zero = Expr.constant(0);
    Expr direction = state(0).mul(beta1).add(GRADIENT.mul(1 - beta1));
    // 0 and NaN stay what they are.
    Expr sign = zero.less(direction).where(Expr.constant(1), direction.less(zero).where(Expr.constant(-1), direction));
    Expr mean = state(0).mul(beta2).add(GRADIENT.mul(1 - beta2));
    Expr update = weightDecay == 0 ? sign : sign.add(PARAMETER.mul(weightDecay));
    return List.of(PARAMETER.sub(scalar(0).mul(update)), mean);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate};
  }
}
