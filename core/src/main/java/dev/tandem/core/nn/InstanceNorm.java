package dev.tandem.core.nn;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Normalises each channel of each example over its own extent, in training and inference alike: {@code [N, C, L]},
 * {@code [N, C, H, W]} and so on. Ulyanov, Vedaldi, Lempitsky, Instance normalization, 2016. State if affine: {@code weight} and
 * {@code bias} [C].
 */
public final class InstanceNorm extends Module {
  private final Channels channels;
  private final double eps;
  private final @Nullable Parameter weight;
  private final @Nullable Parameter bias;

  /** Without parameters, eps 1e-5, as in PyTorch. */
  public InstanceNorm(int channels) {
    this(channels, 1e-5, false);
  }

  /** @param affine whether there are trained parameters */
  public InstanceNorm(int channels, double eps, boolean affine) {
    this.channels = Channels.of("InstanceNorm", channels);
    if (!(eps > 0)) {
      throw new IllegalArgumentException("InstanceNorm with eps " + eps + "; it must be positive");
    }
    this.eps = eps;
    weight = affine ? parameter("weight", Initializers.ones(), channels) : null;
    bias = affine ? parameter("bias", Initializers.zeros(), channels) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    int[] dims = channels.over("InstanceNorm", x, 3, Integer.MAX_VALUE, "[N, C, d1, ...]");
    if (x.shape().size() == (long) x.shape().dim(0) * channels.count()) {
      throw new ShapeException("InstanceNorm of " + x.shape()
          + ": one value per channel and example, which normalised is always 0; normalise before the last pooling");
    }
    List<Integer> axes = IntStream.range(2, dims.length).boxed().toList();
    Normalize op = new Normalize(axes, eps, weight != null);
    return weight == null || bias == null
        ? Execution.one(op, x)
        : Execution.one(op, x, weight.tensor().reshape(dims), bias.tensor().reshape(dims));
  }
}
