package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * What Adam and its descendants share: moving averages of the gradient, {@code m = β1 m + (1 - β1) g}, and of its
 * square, {@code v = β2 v + (1 - β2) g²}, whose bias corrections are computed on the host in double precision.
 */
abstract class MomentOptimizer extends Optimizer {
  final double beta1;
  final double beta2;
  final double eps;
  private final boolean decoupled;

  /**
   * @param decoupled whether the parameter itself decays, as in {@link AdamW}; else an L2 penalty's gradient is
   *     added to g
   */
  MomentOptimizer(double learningRate, double beta1, double beta2, double eps, double weightDecay, boolean decoupled) {
    super(learningRate, weightDecay, List.of("exp_avg", "exp_avg_sq"));
    requireFraction("beta1", beta1);
    requireFraction("beta2", beta2);
    requireNotNegative("eps", eps);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.eps = eps;
    this.decoupled = decoupled;
  }

  /** g, with the gradient of a penalty that is not decoupled. */
  final Expr gradient(double weightDecay) {
    return decoupled ? GRADIENT : penalized(weightDecay);
  }

  /** The new m. */
  final Expr mean(double weightDecay) {
    return state(0).mul(beta1).add(gradient(weightDecay).mul(1 - beta1));
  }

  /** The new v. */
  final Expr square(double weightDecay) {
    Expr g = gradient(weightDecay);
    return state(1).mul(beta2).add(g.mul(g).mul(1 - beta2));
  }

  /** The parameter from which the step is taken, {@code p - lr weightDecay p} if decay is decoupled. */
  final Expr decayed(double weightDecay, Expr rate) {
    return decoupled && weightDecay != 0 ? PARAMETER.sub(PARAMETER.mul(rate.mul(weightDecay))) : PARAMETER;
  }

  final double correction1(int step) {
    return 1 - Math.pow(beta1, step);
  }

  final double correction2(int step) {
    return 1 - Math.pow(beta2, step);
  }
}
