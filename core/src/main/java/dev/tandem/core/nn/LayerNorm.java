package dev.tandem.core.nn;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Normalises each example over its last dimensions, then scales and shifts each position: {@code [..., d1, d2] -> [..., d1, d2]}.
 * Ba, Kiros, Hinton, Layer normalization, 2016. State: {@code weight} and {@code bias} of the normalised shape.
 */
public final class LayerNorm extends Module {
  private final Shape normalized;
  private final double eps;
  private final @Nullable Parameter weight;
  private final @Nullable Parameter bias;

  /**
   * With trained parameters and eps 1e-5.
   *
   * @param normalizedShape the last dimensions, such as the number of features
   */
  public LayerNorm(int... normalizedShape) {
    this(normalizedShape, 1e-5, true);
  }

  /** @param affine whether there are trained parameters */
  public LayerNorm(int[] normalizedShape, double eps, boolean affine) {
    normalized = normalizedShape("LayerNorm", normalizedShape, eps);
    this.eps = eps;
    weight = affine ? parameter("weight", Initializers.ones(), normalizedShape) : null;
    bias = affine ? parameter("bias", Initializers.zeros(), normalizedShape) : null;
  }

  static Shape normalizedShape(String layer, int[] dims, double eps) {
    Shape shape = Shape.of(dims);
    if (dims.length == 0 || shape.size() == 0) {
      throw new ShapeException(layer + " over " + shape + "; name the dimensions to normalise over, all positive");
    }
    if (!(eps > 0)) {
      throw new IllegalArgumentException(layer + " with eps " + eps + "; it must be positive");
    }
    return shape;
  }

  /** The last axes of x, which must have the shape {@code normalized}. */
  static List<Integer> lastAxes(String layer, Shape normalized, Tensor x) {
    int from = x.shape().rank() - normalized.rank();
    if (from < 0 || !Arrays.equals(x.shape().dims(), Math.max(0, from), x.shape().rank(), normalized.dims(), 0,
        normalized.rank())) {
      throw new ShapeException(layer + " over " + normalized + " of " + x.shape()
          + ": the last dimensions must be those the layer was made for");
    }
    return IntStream.range(from, x.shape().rank()).boxed().toList();
  }

  /** Parameters of the shape {@code normalized}, seen with the rank of x. */
  static Tensor over(Tensor x, Parameter p) {
    int[] dims = new int[x.shape().rank()];
    Arrays.fill(dims, 1);
    System.arraycopy(p.shape().dims(), 0, dims, dims.length - p.shape().rank(), p.shape().rank());
    return p.tensor().reshape(dims);
  }

  @Override
  protected Tensor forward(Tensor x) {
    Normalize op = new Normalize(lastAxes("LayerNorm", normalized, x), eps, weight != null);
    return weight == null || bias == null ? Execution.one(op, x)
        : Execution.one(op, x, over(x, weight), over(x, bias));
  }
}
