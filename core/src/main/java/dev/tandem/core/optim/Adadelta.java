package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Adadelta (Zeiler: ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1): {@code s = ρ s + (1 - ρ) g²;
 * δ = sqrt(d + ε) / sqrt(s + ε) g; d = ρ d + (1 - ρ) δ²; p = p - lr δ}.
 */
public final class Adadelta extends Optimizer {
  private final double rho;
  private final double eps;

  /** PyTorch's defaults and the paper's learning rate, 1. */
  public Adadelta() {
    this(1);
  }

  public Adadelta(double learningRate) {
    this(learningRate, 0.9, 1e-6, 0);
  }

  /** @param weightDecay factor of the L2 penalty's gradient */
  public Adadelta(double learningRate, double rho, double eps, double weightDecay) {
    super(learningRate, weightDecay, List.of("square_avg", "acc_delta"));
    requireFraction("rho", rho);
    requireNotNegative("eps", eps);
    this.rho = rho;
    this.eps = eps;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr g = penalized(weightDecay);
    Expr square = state(0).mul(rho).add(g.mul(g).mul(1 - rho));
    Expr delta = state(1).add(eps).sqrt().div(square.add(eps).sqrt()).mul(g);
    Expr accumulated = state(1).mul(rho).add(delta.mul(delta).mul(1 - rho));
    return List.of(PARAMETER.sub(scalar(0).mul(delta)), square, accumulated);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate};
  }
}
