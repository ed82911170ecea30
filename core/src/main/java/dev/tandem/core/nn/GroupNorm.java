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
 * Normalises each group of channels of each example, whatever the batch: {@code [N, C, d1, ...]}. Wu and He, Group normalization,
 * ECCV 2018. State: {@code weight} and {@code bias} [C]. One group is layer normalisation of the whole example, as many groups as
 * channels are {@link InstanceNorm}.
 */
public final class GroupNorm extends Module {
  private final int groups;
  private final Channels channels;
  private final double eps;
  private final @Nullable Parameter weight;
  private final @Nullable Parameter bias;

  /** With trained parameters and eps 1e-5. */
  public GroupNorm(int groups, int channels) {
    this(groups, channels, 1e-5, true);
  }

  /** @param affine whether there are trained parameters */
  public GroupNorm(int groups, int channels, double eps, boolean affine) {
    this.channels = Channels.of("GroupNorm", channels);
    if (groups < 1 || channels % groups != 0) {
      throw new ShapeException("GroupNorm: " + channels + " channels do not fall into " + groups + " groups");
    }
    if (!(eps > 0)) {
      throw new IllegalArgumentException("GroupNorm with eps " + eps + "; it must be positive");
    }
    this.groups = groups;
    this.eps = eps;
    weight = affine ? parameter("weight", Initializers.ones(), channels) : null;
    bias = affine ? parameter("bias", Initializers.zeros(), channels) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    channels.over("GroupNorm", x, 2, Integer.MAX_VALUE, "[N, C, d1, ...]");
    Shape shape = x.shape();
    int[] split = shape.with(1, channels.count() / groups).insert(1, groups).dims();
    int[] parameters = new int[split.length];
    Arrays.fill(parameters, 1);
    parameters[1] = groups;
    parameters[2] = channels.count() / groups;
    List<Integer> axes = IntStream.range(2, split.length).boxed().toList();
    Normalize op = new Normalize(axes, eps, weight != null);
    Tensor in = x.reshape(split);
    Tensor y = weight == null || bias == null
        ? Execution.one(op, in)
        : Execution.one(op, in, weight.tensor().reshape(parameters), bias.tensor().reshape(parameters));
    return y.reshape(shape.dims());
  }
}
