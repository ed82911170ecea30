package dev.tandem.core.optim;

import dev.tandem.core.nn.Parameter;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.ArrayList;
import java.util.List;

/**
 * LAMB (You et al.: Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, ICLR 2020, algorithm
 * 2): m and v as in {@link Adam}; {@code u = (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε) + weightDecay p; p = p -
 * lr |p| / |u| u} with the norms of each parameter tensor, their ratio being 1 where one is 0. The ratio scales
 * each parameter as a whole, so LAMB takes two reductions and one update per parameter besides the run that updates
 * m and v.
 */
public final class Lamb extends MomentOptimizer {
  private static final Program SQUARE = Program.of(1, PARAMETER.mul(PARAMETER));

  /** With the weight decay of the paper, 0.01. */
  public Lamb(double learningRate) {
    this(learningRate, 0.01);
  }

  public Lamb(double learningRate, double weightDecay) {
    this(learningRate, 0.9, 0.999, 1e-6, weightDecay);
  }

  public Lamb(double learningRate, double beta1, double beta2, double eps, double weightDecay) {
    super(learningRate, beta1, beta2, eps, weightDecay, true);
  }

  /** The new m and v alone: parameters wait for their norms. */
  @Override
  protected List<Expr> formula(double weightDecay) {
    return List.of(mean(weightDecay), square(weightDecay));
  }

  @Override
  protected double[] scalars(int step, double learningRate) {
    return new double[] {learningRate, 1 / correction1(step), 1 / correction2(step)};
  }

  @Override
  void execute(Pointwise moments, ParameterGroup options, ParameterRun.Range range, List<Tensor> in,
      List<Tensor> states) {
    Execution.into(moments, in, states);
    Expr direction = direction(options.weightDecay());
    Reduce directionNorm = Reduce.sum(List.of(0), Program.of(in.size(), direction.mul(direction)));
    Pointwise update = Pointwise.of("Lamb", Program.of(in.size() + 2, step(direction, in.size())));
    for (Parameter p : range.parameters()) {
      int at = (int) p.offset() - range.from();
      List<Tensor> parts = new ArrayList<>(in);
      for (int i = 0; i < 2 + states.size(); i++) {
        parts.set(i, in.get(i).quietView(new View.Slice(0, at, at + (int) p.shape().size(), 1)));
      }
      Tensor u2 = Execution.one(directionNorm, parts.toArray(Tensor[]::new));
      parts.add(Execution.one(Reduce.sum(List.of(0), SQUARE), parts.get(0)));
      parts.add(u2);
      Execution.into(update, parts, List.of(parts.get(0)));
    }
  }

  /** u, of the states as they are after the run. */
  private Expr direction(double weightDecay) {
    Expr adam = state(0).mul(scalar(1)).div(state(1).mul(scalar(2)).sqrt().add(eps));
    return weightDecay == 0 ? adam : adam.add(PARAMETER.mul(weightDecay));
  }

  /** @param norms the input that is the squared norm of the parameter; the next one is that of u */
  private Expr step(Expr direction, int norms) {
    Expr zero = Expr.constant(0);
    Expr p2 = Expr.input(norms);
    Expr u2 = Expr.input(norms + 1);
    Expr ratio = p2.equal(zero).or(u2.equal(zero)).where(Expr.constant(1), p2.sqrt().div(u2.sqrt()));
    return PARAMETER.sub(scalar(0).mul(ratio).mul(direction));
  }
}
