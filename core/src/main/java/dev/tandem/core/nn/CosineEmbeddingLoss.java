package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/**
 * Makes pairs of vectors alike or unlike: {@code 1 - cos} where the target is 1, and {@code max(0, cos - margin)}
 * where it is -1, as in PyTorch.
 */
public final class CosineEmbeddingLoss {
  private static final Expr COSINE = Expr.input(0);
  private static final Program PAIR = Program.of(2, Expr.constant(0).less(Expr.input(1)).where(
      Expr.constant(1).sub(COSINE), COSINE.sub(Expr.argument(0)).max(Expr.constant(0))));

  private final double margin;
  private final Reduction reduction;

  public CosineEmbeddingLoss() {
    this(0, Reduction.MEAN);
  }

  /** @param margin cosine up to which an unlike pair costs nothing, -1 to 1 */
  public CosineEmbeddingLoss(double margin, Reduction reduction) {
    if (!(margin >= -1 && margin <= 1)) {
      throw new IllegalArgumentException("cosineEmbedding with margin " + margin + "; it must lie between -1 and 1");
    }
    this.margin = margin;
    this.reduction = reduction;
  }

  /**
   * The loss of {@code first} and {@code second}, both {@code [N, D]}, given {@code target} F32 {@code [N]} of 1
   * and -1.
   *
   * @throws ShapeException if the shapes do not fit
   */
  public Tensor apply(Tensor first, Tensor second, Tensor target) {
    Shape shape = first.shape();
    if (shape.rank() != 2 || !shape.equals(second.shape()) || !target.shape().equals(Shape.of(shape.dim(0)))
        || !target.dtype().isFloat() || reduction == Reduction.MEAN && shape.dim(0) == 0) {
      throw new ShapeException("cosineEmbedding of " + first + " and " + second + " against " + target
          + ": wants two F32 [N, D] and an F32 target [N] of 1 and -1, for at least one pair");
    }
    return FramedLoss.framed("cosineEmbedding", () -> reduction.of(Tensor.pointwise("cosineEmbedding", PAIR,
        Launch.of(margin), Similarities.cosine(first, second, 1), target)));
  }
}
