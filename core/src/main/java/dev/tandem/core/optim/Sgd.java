package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.List;

/**
 * Stochastic gradient descent, with momentum and Nesterov's variant as Sutskever et al. (On the importance of
 * initialization and momentum in deep learning, ICML 2013) and PyTorch write them: {@code g = g + weightDecay p; v
 * = momentum v + g; p = p - lr (nesterov ? g + momentum v : v)}.
 */
public final class Sgd extends Optimizer {
  private final double momentum;
  private final boolean nesterov;

  public Sgd(double learningRate) {
    this(learningRate, 0);
  }

  public Sgd(double learningRate, double momentum) {
    this(learningRate, momentum, 0, false);
  }

  /** @param weightDecay factor of the L2 penalty's gradient
   * @param nesterov whether to look ahead by the momentum */
  public Sgd(double learningRate, double momentum, double weightDecay, boolean nesterov) {
    super(learningRate, weightDecay, momentum == 0 ? List.of() : List.of("momentum_buffer"));
    requireNotNegative("momentum", momentum);
    require(!nesterov || momentum > 0, "Nesterov's variant needs momentum");
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr g = penalized(weightDecay);
    Expr rate = scalar(0);
    if (momentum == 0) {
      return List.of(PARAMETER.sub(rate.mul(g)));
    }
    Expr v = state(0).mul(momentum).add(g);
    return List.of(PARAMETER.sub(rate.mul(nesterov ? g.add(v.mul(momentum)) : v)), v);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate};
  }
}
