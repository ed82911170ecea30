package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import java.util.ArrayList;
import java.util.List;

/**
 * RMSprop (Tieleman and Hinton: Neural Networks for Machine Learning, lecture 6.5, 2012), centred as Graves (Generating
 * Sequences With Recurrent Neural Networks, 2013, equations 38 to 41) has it, as in PyTorch:
 * {@code s = α s + (1 - α) g²; a = α a + (1 - α) g; u = g / (sqrt(centered ? s - a² : s) + ε);
 * b = momentum b + u; p = p - lr b}.
 */
public final class RmsProp extends Optimizer {
  private final double alpha;
  private final double eps;
  private final double momentum;
  private final boolean centered;

  /** PyTorch's defaults; it suggests a learning rate of 0.01. */
  public RmsProp(double learningRate) {
    this(learningRate, 0.99, 1e-8, 0, 0, false);
  }

  /**
   * @param weightDecay factor of the L2 penalty's gradient
   * @param centered whether to divide by the standard deviation of the gradient instead of its root mean square
   */
  public RmsProp(double learningRate, double alpha, double eps, double weightDecay, double momentum, boolean centered) {
    super(learningRate, weightDecay, states(momentum, centered));
    requireFraction("alpha", alpha);
    requireNotNegative("eps", eps);
    requireNotNegative("momentum", momentum);
    this.alpha = alpha;
    this.eps = eps;
    this.momentum = momentum;
    this.centered = centered;
  }

  private static List<String> states(double momentum, boolean centered) {
    List<String> names = new ArrayList<>(List.of("square_avg"));
    if (momentum > 0) {
      names.add("momentum_buffer");
    }
    if (centered) {
      names.add("grad_avg");
    }
    return names;
  }

  @Override
  protected List<Expr> formula(double weightDecay) {
    Expr g = penalized(weightDecay);
    Expr square = state(0).mul(alpha).add(g.mul(g).mul(1 - alpha));
    List<Expr> states = new ArrayList<>(List.of(square));
    Expr mean = state(momentum > 0 ? 2 : 1).mul(alpha).add(g.mul(1 - alpha));
    // The difference rounds to a little below 0 where the gradient has been constant.
    Expr deviation = centered ? square.sub(mean.mul(mean)).max(0).sqrt() : square.sqrt();
    Expr step = g.div(deviation.add(eps));
    if (momentum > 0) {
      step = state(1).mul(momentum).add(step);
      states.add(step);
    }
    if (centered) {
      states.add(mean);
    }
    states.add(0, PARAMETER.sub(scalar(0).mul(step)));
    return states;
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate};
  }
}
