package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** A loss of pairs of numbers: output and target of one shape. */
final class ElementwiseLoss extends FramedLoss {
  /** What the expression of a loss reads. Argument 0 is taken by the factor of the mean. */
  static final Expr OUTPUT = Expr.input(0);
  static final Expr TARGET = Expr.input(1);
  static final Expr WEIGHT = Expr.input(2);
  static final Expr PARAMETER = Expr.argument(1);

  private final Program single;
  private final Program scaled;
  private final double parameter;
  private final List<Float> weights;
  private final Reduction reduction;
  private final boolean perExample;

  /**
   * @param loss of one pair
   * @param parameter what it reads as {@link #PARAMETER}
   * @param weights what it reads as {@link #WEIGHT}, broadcast along the last axis; empty if it reads none
   * @param perExample whether the mean is that of the sums over each example, entry of the first axis; else that of
   *     all elements
   */
  ElementwiseLoss(String name, Expr loss, double parameter, List<Float> weights, Reduction reduction,
      boolean perExample) {
    super(name);
    int inputs = weights.isEmpty() ? 2 : 3;
    single = Program.of(inputs, loss);
    scaled = Program.of(inputs, loss.mul(Expr.argument(0)));
    this.parameter = parameter;
    this.weights = List.copyOf(weights);
    this.reduction = reduction;
    this.perExample = perExample;
  }

  ElementwiseLoss(String name, Expr loss, Reduction reduction) {
    this(name, loss, 0, List.of(), reduction, false);
  }

  @Override
  Tensor compute(Tensor output, Tensor target) {
    if (!target.dtype().isFloat()) {
      throw mistake(output, target, "the target must be floating-point; convert it with to(DType.F32)");
    }
    if (!output.shape().equals(target.shape())) {
      throw mistake(output, target, "shapes must be equal, nothing is broadcast"
          + (output.shape().size() == target.shape().size() ? "; reshape one to the shape of the other" : ""));
    }
    // A sum reads BF16 and adds up in F32 by itself.
    List<Tensor> in = new ArrayList<>(List.of(reduction == Reduction.NONE ? wide(output) : output, target));
    if (!weights.isEmpty()) {
      Tensor w = LossWeights.on(output.device(), weights);
      if (!w.shape().broadcastsTo(output.shape())) {
        throw mistake(output, target, weights.size() + " weights do not fit the last axis of the output");
      }
      in.add(w);
    }
    Tensor[] operands = in.toArray(Tensor[]::new);
    if (perExample && output.shape().isScalar()) {
      throw mistake(output, target, "the first axis must be that of examples, [N, ...]");
    }
    long n = perExample ? output.shape().dim(0) : output.shape().size();
    return switch (reduction) {
      case NONE -> Tensor.pointwise(toString(), single, Launch.of(1, parameter), operands);
      case SUM -> total(1, operands);
      case MEAN -> {
        if (n == 0) {
          throw mistake(output, target, "there is no mean of no elements");
        }
        yield total(1.0 / n, operands);
      }
    };
  }

  private Tensor total(double factor, Tensor[] operands) {
    List<Integer> axes = IntStream.range(0, operands[0].shape().rank()).boxed().toList();
    return Tensor.sumOf(axes, scaled, Launch.of(factor, parameter), operands).reshape();
  }
}
