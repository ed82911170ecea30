package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * Divides each example by the root of its mean square over its last dimensions, then scales each position:
 * {@code x / sqrt(mean(x^2) + eps) * weight}. Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019. State:
 * {@code weight} of the normalised shape.
 */
public final class RMSNorm extends Module {
  private static final Expr X = Expr.input(0);
  private static final Program SQUARE = Program.of(1, X.mul(X).mul(Expr.argument(0)));
  private static final Program NORMALISE =
      Program.of(3, X.div(Expr.input(1).add(Expr.argument(0)).sqrt()).mul(Expr.input(2)));
  /** The distance from 1 to the next fp32 number, as in PyTorch. */
  private static final double DEFAULT_EPS = 0x1p-23;

  private final Shape normalized;
  private final double eps;
  private final Parameter weight;

  /**
   * With eps 1.2e-7.
   *
   * @param normalizedShape the last dimensions, such as the number of features
   */
  public RMSNorm(int... normalizedShape) {
    this(normalizedShape, DEFAULT_EPS);
  }

  public RMSNorm(int[] normalizedShape, double eps) {
    normalized = LayerNorm.normalizedShape("RMSNorm", normalizedShape, eps);
    this.eps = eps;
    weight = parameter("weight", Initializers.ones(), normalizedShape);
  }

  @Override
  protected Tensor forward(Tensor x) {
    List<Integer> axes = LayerNorm.lastAxes("RMSNorm", normalized, x);
    Tensor meanSquare = Tensor.sumOf(axes, SQUARE, Launch.of(1.0 / normalized.size()), x);
    return Tensor.pointwise("rmsNorm", NORMALISE, Launch.of(eps), x, meanSquare, LayerNorm.over(x, weight));
  }
}
