package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Brings elements to mean 0 and variance 1 over {@code axes}, then scales and shifts them:
 *
 * <pre>{@code
 * x, (weight, bias) -> y, mean, variance
 * y = (x - mean) / sqrt(variance + eps) * weight + bias
 * }</pre>
 *
 * <p>Where x is BF16 so is y, and all else is F32: the sums of a mean want more than 8 bits. Else all have the dtype of x.
 *
 * <p>Weight and bias have one shape, of the rank of x, with 1 along the axes they are repeated over: {@code [1, C, 1, 1]} for images
 * {@code [N, C, H, W]}. Mean and variance have the shape of x with 1 along the axes; the variance is the biased one (divided by n),
 * taken of differences from the mean, as E[x²] - E[x]² loses all digits where the mean is large. They are results for the sake of
 * running statistics, and constants to whoever reads them: gradients flow through the statistics into x by way of y alone.
 *
 * @param axes counted from the front
 * @param eps added to the variance, positive; rounded to fp32
 * @param affine whether there are a weight and a bias
 */
public record Normalize(List<Integer> axes, double eps, boolean affine) implements Composite {
  public Normalize {
    axes = axes.stream().sorted().distinct().toList();
    float rounded = (float) eps;
    eps = rounded;
    if (!(eps > 0) || Double.isInfinite(eps)) {
      throw new IllegalArgumentException("a normalisation with eps " + eps + "; it must be positive");
    }
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, affine ? 3 : 1, affine ? "x, weight and bias" : "x");
    Op.sameFloat(in.subList(0, 1));
    DType type = statistics(in.get(0).dtype());
    if (affine) {
      Op.sameWide(List.of(new Spec(Shape.of(), type), in.get(1), in.get(2)));
    }
    Shape x = in.get(0).shape();
    Shape reduced = x.reduced(axes);
    if (x.size() == 0 && reduced.size() > 0) {
      throw new ShapeException("there is no mean of no elements: axes " + axes + " of " + x);
    }
    if (affine) {
      Shape weight = in.get(1).shape();
      if (weight.rank() != x.rank() || !weight.broadcastsTo(x)) {
        throw new ShapeException(
            "the weight " + weight + " must have the rank of x " + x + " and dimensions of x or 1");
      }
      if (!in.get(2).shape().equals(weight)) {
        throw new ShapeException("the bias " + in.get(2).shape() + " must have the shape of the weight, " + weight);
      }
    }
    Spec statistic = new Spec(reduced, type);
    return List.of(in.get(0), statistic, statistic);
  }

  /** What mean, variance, weight and bias of an x of {@code type} are. */
  static DType statistics(DType type) {
    return type == DType.BF16 ? DType.F32 : type;
  }

  @Override
  public int differentiable(int outputs) {
    return 1;
  }

  @Override
  public Composite gradient() {
    return new NormalizeGrad(this);
  }

  @Override
  public <T> List<T> gradientOperands(List<T> in, List<T> out, List<T> gradients) {
    return affine
        ? List.of(in.get(0), in.get(1), out.get(1), out.get(2), gradients.get(0))
        : List.of(in.get(0), out.get(1), out.get(2), gradients.get(0));
  }

  @Override
  public List<Integer> gradientTargets() {
    return affine ? List.of(0, 1, 2) : List.of(0);
  }
}
