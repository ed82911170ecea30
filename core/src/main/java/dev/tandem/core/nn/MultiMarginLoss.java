package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** The hinge loss of several classes, see {@link Losses#multiMargin}. */
final class MultiMarginLoss extends FramedLoss {
  private static final List<Integer> CLASSES = List.of(1);
  private static final Expr ZERO = Expr.constant(0);
  private static final Expr SCORE = Expr.input(0);
  /** Class number against label. */
  private static final Expr IS_LABEL = Expr.input(1, Kind.INT).equal(Expr.input(2, Kind.INT));
  private static final Program PICK = Program.of(3, IS_LABEL.where(SCORE, ZERO));
  private static final Program LINEAR = Program.of(4, violation(1));
  private static final Program SQUARED = Program.of(4, violation(2));

  private final Program program;
  private final double margin;
  private final Reduction reduction;

  MultiMarginLoss(int power, double margin, Reduction reduction) {
    super("multiMargin");
    if (power != 1 && power != 2) {
      throw new IllegalArgumentException("multiMargin with power " + power + "; it must be 1 or 2");
    }
    if (!(margin > 0) || Double.isInfinite(margin)) {
      throw new IllegalArgumentException("multiMargin with margin " + margin + "; it must be a positive number");
    }
    program = power == 1 ? LINEAR : SQUARED;
    this.margin = margin;
    this.reduction = reduction;
  }

  private static Expr violation(int power) {
    Expr v = Expr.argument(0).sub(Expr.input(3)).add(SCORE).max(ZERO);
    return IS_LABEL.where(ZERO, (power == 1 ? v : v.mul(v)).mul(Expr.argument(1)));
  }

  @Override
  Tensor compute(Tensor output, Tensor target) {
    Shape shape = output.shape();
    if (shape.rank() != 2 || shape.dim(1) == 0) {
      throw mistake(output, target, "the output must be scores [N, C] of C classes");
    }
    if (target.dtype() != DType.I32 || !target.shape().equals(Shape.of(shape.dim(0)))) {
      throw mistake(output, target, "the target must be I32 labels [" + shape.dim(0) + "], one for each row");
    }
    if (reduction == Reduction.MEAN && shape.dim(0) == 0) {
      throw mistake(output, target, "there is no mean of no examples");
    }
    Tensor classes = Tensor.arange(output.device(), shape.dim(1));
    Tensor labels = target.unsqueeze(1);
    Tensor picked = Tensor.sumOf(CLASSES, PICK, Launch.NONE, output, classes, labels);
    Tensor sums =
        Tensor.sumOf(CLASSES, program, Launch.of(margin, 1.0 / shape.dim(1)), output, classes, labels, picked);
    return reduction.of(sums.squeeze(1));
  }
}
