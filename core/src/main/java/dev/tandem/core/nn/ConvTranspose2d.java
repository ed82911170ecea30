package dev.tandem.core.nn;

import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Transposed convolution, the gradient of {@link Conv2d} by its image: {@code [N, in, H, W] -> [N, out, OH, OW]} with
 * {@code OH = (H - 1) stride - 2 padding + dilation (K - 1) + outputPadding + 1}. Every input element adds a kernel, scaled by it, to
 * the output. Zeiler et al., Deconvolutional networks, CVPR 2010. State: {@code weight} [in, out / groups, KH, KW], {@code bias}
 * [out].
 */
public final class ConvTranspose2d extends Module {
  private final Convolution convolution;
  private final int in;
  private final int outputPadding;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With a square kernel, stride 1, no padding, and a bias. */
  public ConvTranspose2d(int in, int out, int kernel) {
    this(in, out, kernel, ConvOptions.DEFAULT, 0);
  }

  /** With a square kernel.
   *
   * @param outputPadding rows and columns added to the output below and on the right, fewer than the stride: of the images that a
   *     convolution with a stride makes equally small, it chooses one
   */
  public ConvTranspose2d(int in, int out, int kernel, ConvOptions options, int outputPadding) {
    this(in, out, kernel, kernel, options, outputPadding);
  }

  public ConvTranspose2d(int in, int out, int kernelH, int kernelW, ConvOptions options, int outputPadding) {
    convolution = Convolution.of("ConvTranspose2d", in, out, kernelH, kernelW, options);
    if (options.samePadding() || options.paddingMode() != PaddingMode.ZEROS) {
      throw new ShapeException("ConvTranspose2d takes its padding off the output: a number of rows of zeros, no mode");
    }
    if (outputPadding < 0 || outputPadding >= Math.min(options.strideH(), options.strideW())) {
      throw new ShapeException("ConvTranspose2d with an output padding of " + outputPadding
          + "; it must be at least 0 and below the strides, " + options.strideH() + " and " + options.strideW());
    }
    this.in = in;
    this.outputPadding = outputPadding;
    int outputs = out / options.groups();
    weight = parameter("weight", options.weightInit(), in, outputs, kernelH, kernelW);
    bias = options.bias() ? parameter("bias", Convolution.biasInit(outputs, kernelH, kernelW), out) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (x.shape().rank() != 4 || x.shape().dim(1) != in) {
      throw new ShapeException("ConvTranspose2d wants [N, " + in + ", H, W], not " + x.shape());
    }
    ConvOptions o = convolution.options();
    int height = size(x, 2, o.strideH(), o.paddingH(), o.dilationH(), convolution.kernelH());
    int width = size(x, 3, o.strideW(), o.paddingW(), o.dilationW(), convolution.kernelW());
    Tensor y = Execution.one(new Conv2dGradInput(convolution.geometry(o.paddingH(), o.paddingW()), height, width), x,
        weight.tensor());
    return bias == null ? y : y.add(bias.tensor().reshape(1, bias.shape().dim(0), 1, 1));
  }

  private int size(Tensor x, int axis, int stride, int padding, int dilation, int kernel) {
    int size = (x.shape().dim(axis) - 1) * stride - 2 * padding + dilation * (kernel - 1) + outputPadding + 1;
    if (size < 1) {
      throw new ShapeException("ConvTranspose2d of " + x.shape() + " with a padding of " + padding
          + " leaves nothing of axis " + axis + "; use less padding");
    }
    return size;
  }
}
