package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Convolution of images: {@code [N, in, H, W] -> [N, out, OH, OW]} with
 * {@code OH = (H + 2 padding - dilation (K - 1) - 1) / stride + 1}, rounded down. As all of the field it does not turn the kernel
 * round: {@code y[n, o, i, j] = bias[o] + sum_{c, k, l} weight[o, c, k, l] x[n, c, i stride + k dilation - padding, ...]}. State:
 * {@code weight} [out, in / groups, KH, KW], {@code bias} [out].
 *
 * <pre>{@code
 * new Conv2d(1, 32, 3)
 * new Conv2d(32, 64, 3, ConvOptions.DEFAULT.withStride(2).withPadding(1))
 * }</pre>
 */
public final class Conv2d extends Module {
  private final Convolution convolution;
  private final int in;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With a square kernel, stride 1, no padding, and a bias. */
  public Conv2d(int in, int out, int kernel) {
    this(in, out, kernel, ConvOptions.DEFAULT);
  }

  /** With a square kernel. */
  public Conv2d(int in, int out, int kernel, ConvOptions options) {
    this(in, out, kernel, kernel, options);
  }

  public Conv2d(int in, int out, int kernelH, int kernelW, ConvOptions options) {
    convolution = Convolution.of("Conv2d", in, out, kernelH, kernelW, options);
    this.in = in;
    weight = parameter("weight", options.weightInit(), out, in / options.groups(), kernelH, kernelW);
    bias = options.bias()
        ? parameter("bias", Convolution.biasInit(in / options.groups(), kernelH, kernelW), out)
        : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (x.shape().rank() != 4 || x.shape().dim(1) != in) {
      throw new ShapeException("Conv2d wants [N, " + in + ", H, W], not " + x.shape()
          + (x.shape().rank() == 3 ? "; unsqueeze an axis of channels or of the batch" : ""));
    }
    Tensor y = convolution.apply(x, weight.tensor());
    return bias == null ? y : y.add(bias.tensor().reshape(1, bias.shape().dim(0), 1, 1));
  }
}
