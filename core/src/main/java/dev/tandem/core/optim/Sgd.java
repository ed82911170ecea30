package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import java.util.List;

/**
 * Stochastic gradient descent, with momentum and Nesterov's variant as Sutskever et al. (On the importance of initialization and
 * momentum in deep learning, ICML 2013) and PyTorch write them: {@code g = g + weightDecay p; v = momentum v + g;
 * p = p - lr (nesterov ? g + momentum v : v)}.
 */
public final class Sgd extends Optimizer {
  public Sgd(double learningRate) {
    this(learningRate, 0);
  }

  public Sgd(double learningRate, double momentum) {
    this(learningRate, momentum, 0, false);
  }

  /** @param weightDecay factor of the L2 penalty's gradient
   * @param nesterov whether to look ahead by the momentum */
  public Sgd(double learningRate, double momentum, double weightDecay, boolean nesterov) {
    super(learningRate, program(momentum, weightDecay, nesterov),
        momentum == 0 ? List.of() : List.of("momentum_buffer"), 1);
    if (momentum < 0 || weightDecay < 0 || nesterov && momentum == 0) {
      throw new IllegalArgumentException(
          "momentum and weight decay must not be negative, and Nesterov's variant needs momentum");
    }
  }

  private static Program program(double momentum, double weightDecay, boolean nesterov) {
    Expr p = Expr.input(PARAMETER);
    Expr g = weightDecay == 0 ? Expr.input(GRADIENT) : Expr.input(GRADIENT).add(p.mul(weightDecay));
    if (momentum == 0) {
      return Program.of(3, p.sub(Expr.input(2).mul(g)));
    }
    Expr v = Expr.input(2).mul(momentum).add(g);
    Expr rate = Expr.input(3);
    return Program.of(4, p.sub(rate.mul(nesterov ? g.add(v.mul(momentum)) : v)), v);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate};
  }
}
