package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Rectified Adam (Liu et al.: On the Variance of the Adaptive Learning Rate and Beyond, ICLR 2020, algorithm 2):
 * plain momentum until the variance of the adaptive rate can be told, that is while {@code ρ_t <= 5} (as PyTorch
 * has it; the paper says 4), then Adam's step times the rectification {@code r_t}.
 */
public final class RAdam extends MomentOptimizer {
  /** PyTorch's defaults; it suggests a learning rate of 0.001. */
  public RAdam(double learningRate) {
    this(learningRate, 0.9, 0.999, 1e-8, 0, false);
  }

  /** @param decoupledWeightDecay whether the parameter itself decays, as in {@link AdamW} */
  public RAdam(double learningRate, double beta1, double beta2, double eps, double weightDecay,
      boolean decoupledWeightDecay) {
    super(learningRate, beta1, beta2, eps, weightDecay, decoupledWeightDecay);
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr mean = mean(weightDecay);
    Expr square = square(weightDecay);
    Expr rectification = scalar(2);
    // Steps of both kinds are one program, so that a replay goes from one to the other.
    Expr adaptive =
        Expr.constant(0).less(rectification).where(rectification.div(square.sqrt().add(eps)), Expr.constant(1));
    Expr step = scalar(1).mul(mean).mul(adaptive);
    return List.of(decayed(weightDecay, scalar(0)).sub(step), mean, square);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    double longest = 2 / (1 - beta2) - 1;
    double length = longest - 2 * step * Math.pow(beta2, step) / correction2(step);
    double rectification = length <= 5 ? 0
        : Math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            * Math.sqrt(correction2(step));
    return new double[] {learningRate, learningRate / correction1(step), rectification};
  }
}
