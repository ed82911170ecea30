package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Adam with Nesterov's momentum (Dozat: Incorporating Nesterov Momentum into Adam, ICLR 2016 workshop) and the momentum
 * schedule that PyTorch uses: {@code μ_t = β1 (1 - 0.96^(t momentumDecay) / 2)}; m and v as in {@link Adam};
 * {@code p = p - lr ((1 - μ_t) g / (1 - Πμ_t) + μ_(t+1) m / (1 - Πμ_(t+1))) / (sqrt(v / (1 - β2^t)) + ε)}.
 */
public final class NAdam extends MomentOptimizer {
  private final double momentumDecay;
  /** The product of μ_1 to μ_{@link #productStep}. */
  private double product = 1;
  private int productStep;

  /** PyTorch's defaults; it suggests a learning rate of 0.002. */
  public NAdam(double learningRate) {
    this(learningRate, 0.9, 0.999, 1e-8, 0, 4e-3, false);
  }

  /** @param decoupledWeightDecay whether the parameter itself decays, as in {@link AdamW} */
  public NAdam(double learningRate, double beta1, double beta2, double eps, double weightDecay, double momentumDecay,
      boolean decoupledWeightDecay) {
    super(learningRate, beta1, beta2, eps, weightDecay, decoupledWeightDecay);
    requireNotNegative("the decay of momentum", momentumDecay);
    this.momentumDecay = momentumDecay;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr mean = mean(weightDecay);
    Expr square = square(weightDecay);
    Expr direction = gradient(weightDecay).mul(scalar(1)).add(mean.mul(scalar(2)));
    Expr step = direction.div(square.mul(scalar(3)).sqrt().add(eps));
    return List.of(decayed(weightDecay, scalar(0)).sub(step), mean, square);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    double now = momentum(step);
    double next = momentum(step + 1);
    double upToNow = product(step);
    return new double[] {learningRate, learningRate * (1 - now) / (1 - upToNow),
        learningRate * next / (1 - upToNow * next), 1 / correction2(step)};
  }

  private double momentum(int step) {
    return beta1 * (1 - 0.5 * Math.pow(0.96, step * momentumDecay));
  }

  /** A function of the step alone, so that a resumed training goes on as it was. */
  private double product(int step) {
    if (step < productStep) {
      product = 1;
      productStep = 0;
    }
    while (productStep < step) {
      productStep++;
      product *= momentum(productStep);
    }
    return product;
  }
}
