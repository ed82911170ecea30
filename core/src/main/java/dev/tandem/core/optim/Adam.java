package dev.tandem.core.optim;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import java.util.List;

/**
 * Adam (Kingma and Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1):
 * {@code m = β1 m + (1 - β1) g; v = β2 v + (1 - β2) g²; p = p - lr (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε)}. The bias
 * corrections are computed on the host in double precision.
 */
public class Adam extends Optimizer {
  private final double beta1;
  private final double beta2;

  public Adam(double learningRate) {
    this(learningRate, 0.9, 0.999, 1e-8, 0);
  }

  /** @param weightDecay factor of the L2 penalty's gradient, added to g; for decoupled decay see {@link AdamW} */
  public Adam(double learningRate, double beta1, double beta2, double eps, double weightDecay) {
    this(learningRate, beta1, beta2, program(beta1, beta2, eps, weightDecay, 0));
  }

  Adam(double learningRate, double beta1, double beta2, Program program) {
    super(learningRate, program, List.of("exp_avg", "exp_avg_sq"), 3);
    if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
      throw new IllegalArgumentException("betas must lie in [0, 1), not " + beta1 + ", " + beta2);
    }
    this.beta1 = beta1;
    this.beta2 = beta2;
  }

  static Program program(double beta1, double beta2, double eps, double penalty, double decoupledDecay) {
    Expr p = Expr.input(PARAMETER);
    Expr g = penalty == 0 ? Expr.input(GRADIENT) : Expr.input(GRADIENT).add(p.mul(penalty));
    Expr rate = Expr.input(4);
    Expr correction1 = Expr.input(5);
    Expr correction2 = Expr.input(6);
    Expr mean = Expr.input(2).mul(beta1).add(g.mul(1 - beta1));
    Expr square = Expr.input(3).mul(beta2).add(g.mul(g).mul(1 - beta2));
    Expr decayed = decoupledDecay == 0 ? p : p.sub(p.mul(rate.mul(decoupledDecay)));
    Expr stepped = decayed.sub(rate.mul(mean.mul(correction1)).div(square.mul(correction2).sqrt().add(eps)));
    return Program.of(7, stepped, mean, square);
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate, 1 / (1 - Math.pow(beta1, step)), 1 / (1 - Math.pow(beta2, step))};
  }
}
