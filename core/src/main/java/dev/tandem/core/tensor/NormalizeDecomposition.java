package dev.tandem.core.tensor;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Shape;
import java.util.List;

/** The slow twin of {@link Normalize}. */
final class NormalizeDecomposition {
  private static final Expr X = Expr.input(0);
  private static final Expr MEAN = Expr.input(1);
  private static final Expr VARIANCE = Expr.input(2);
  private static final Expr DEVIATION = X.sub(MEAN);
  private static final Expr NORMALISED = DEVIATION.div(VARIANCE.add(Expr.argument(0)).sqrt());
  private static final Program TIMES = Program.of(1, X.mul(Expr.argument(0)));
  private static final Program SQUARED_DEVIATION = Program.of(2, DEVIATION.mul(DEVIATION).mul(Expr.argument(0)));
  private static final Program PLAIN = Program.of(3, NORMALISED);
  private static final Program AFFINE = Program.of(5, NORMALISED.mul(Expr.input(3)).add(Expr.input(4)));

  private NormalizeDecomposition() {
  }

  static List<Tensor> of(Normalize op, List<Tensor> in) {
    Tensor x = in.get(0);
    Shape shape = x.shape();
    Launch share = Launch.of((double) shape.reduced(op.axes()).size() / Math.max(1, shape.size()));
    Tensor mean = Tensor.sumOf(op.axes(), TIMES, share, x);
    // Detached: the sum of deviations from the mean, the variance's derivative by it, is 0.
    Tensor variance = Tensor.sumOf(op.axes(), SQUARED_DEVIATION, share, x, mean.detach());
    Launch eps = Launch.of(op.eps());
    Tensor y = op.affine()
        ? Tensor.pointwise("normalize", AFFINE, eps, x, mean, variance, in.get(1), in.get(2))
        : Tensor.pointwise("normalize", PLAIN, eps, x, mean, variance);
    return List.of(y, mean.detach(), variance.detach());
  }
}
