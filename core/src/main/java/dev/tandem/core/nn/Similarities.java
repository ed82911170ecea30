package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** How alike tensors are. */
public final class Similarities {
  private static final double EPS = 1e-8;
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Program PRODUCT = Program.of(2, A.mul(B));
  private static final Program SQUARE = Program.of(1, A.mul(A));
  /** The squares are bounded below and not the roots, whose derivative at 0 is infinite. */
  private static final Program COSINE =
      Program.of(3, A.div(B.max(Expr.argument(0)).sqrt().mul(Expr.input(2).max(Expr.argument(0)).sqrt())));

  private Similarities() {
  }

  /**
   * {@code a·b / (max(|a|, ε) max(|b|, ε))} along {@code axis}, which is removed; ε is 1e-8. Gradients at a vector
   * of length 0 stay finite.
   *
   * @throws ShapeException if the shapes differ
   */
  public static Tensor cosine(Tensor a, Tensor b, int axis) {
    if (!a.shape().equals(b.shape())) {
      throw new ShapeException(
          "the cosine of " + a + " and " + b + ": shapes must be equal, nothing is broadcast; use expand");
    }
    return FramedLoss.framed("cosine", () -> {
      List<Integer> along = List.of(a.shape().axis(axis));
      Tensor dot = Tensor.sumOf(along, PRODUCT, Launch.NONE, a, b);
      Tensor aa = Tensor.sumOf(along, SQUARE, Launch.NONE, a);
      Tensor bb = Tensor.sumOf(along, SQUARE, Launch.NONE, b);
      return Tensor.pointwise("cosine", COSINE, Launch.of(EPS * EPS), dot, aa, bb).squeeze(along.get(0));
    });
  }
}
