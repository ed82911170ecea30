package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Convolution of sequences: {@code [N, in, L] -> [N, out, OL]} with
 * {@code OL = (L + 2 padding - dilation (K - 1) - 1) / stride + 1}, rounded down; of the options those of the width count. State:
 * {@code weight} [out, in / groups, K], {@code bias} [out].
 */
public final class Conv1d extends Module {
  private final Convolution convolution;
  private final int in;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With stride 1, no padding, and a bias. */
  public Conv1d(int in, int out, int kernel) {
    this(in, out, kernel, ConvOptions.DEFAULT);
  }

  public Conv1d(int in, int out, int kernel, ConvOptions options) {
    // An image of one row: nothing moves or is added along the height.
    ConvOptions flat = options.withStride(1, options.strideW()).withDilation(1, options.dilationW());
    convolution = Convolution.of("Conv1d", in, out, 1, kernel,
        options.samePadding() ? flat : flat.withPadding(0, options.paddingW()));
    this.in = in;
    weight = parameter("weight", options.weightInit(), out, in / options.groups(), kernel);
    bias = options.bias() ? parameter("bias", Convolution.biasInit(in / options.groups(), 1, kernel), out) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (x.shape().rank() != 3 || x.shape().dim(1) != in) {
      throw new ShapeException("Conv1d wants [N, " + in + ", L], not " + x.shape());
    }
    Shape w = weight.shape();
    Tensor y = convolution.apply(x.unsqueeze(2), weight.tensor().reshape(w.dim(0), w.dim(1), 1, w.dim(2))).squeeze(2);
    return bias == null ? y : y.add(bias.tensor().reshape(1, bias.shape().dim(0), 1));
  }
}
