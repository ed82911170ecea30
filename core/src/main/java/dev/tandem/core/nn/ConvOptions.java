package dev.tandem.core.nn;

import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.ShapeException;

/**
 * How a convolution moves and what it has: {@code ConvOptions.DEFAULT.withStride(2).withPadding(1)}. A {@link Conv1d} heeds what is
 * said of the width.
 *
 * @param paddingH rows added above and below; likewise {@code paddingW} left and right; not heeded with {@code samePadding}
 * @param samePadding whether as much is added as makes the output as large as the input, which needs strides of 1; where that is
 *     an odd number, one more below and on the right, as in PyTorch
 * @param dilationH rows between neighbouring taps of the kernel, 1 for an ordinary one; likewise {@code dilationW}
 * @param groups input and output channels fall into so many groups that do not mix; as many as channels is depthwise convolution
 * @param bias whether each output channel gets a trained constant
 * @param paddingMode what is added
 * @param weightInit of the kernel; in PyTorch's way by default, uniform between {@code ±1 / sqrt(fan-in)}
 */
public record ConvOptions(int strideH, int strideW, int paddingH, int paddingW, boolean samePadding, int dilationH,
    int dilationW, int groups, boolean bias, PaddingMode paddingMode, Initializer weightInit) {
  /** Stride 1, no padding, no dilation, one group, a bias. */
  public static final ConvOptions DEFAULT =
      new ConvOptions(1, 1, 0, 0, false, 1, 1, 1, true, PaddingMode.ZEROS, Initializers.torchLinear());

  public ConvOptions {
    new ConvGeometry(strideH, strideW, paddingH, paddingW, dilationH, dilationW, groups);
    ShapeException.require(!samePadding || strideH == 1 && strideW == 1,
        "padding that keeps the size needs strides of 1; give the padding as a number");
  }

  public ConvOptions withStride(int stride) {
    return withStride(stride, stride);
  }

  public ConvOptions withStride(int h, int w) {
    return new ConvOptions(h, w, paddingH, paddingW, samePadding, dilationH, dilationW, groups, bias, paddingMode,
        weightInit);
  }

  public ConvOptions withPadding(int padding) {
    return withPadding(padding, padding);
  }

  public ConvOptions withPadding(int h, int w) {
    return new ConvOptions(strideH, strideW, h, w, false, dilationH, dilationW, groups, bias, paddingMode, weightInit);
  }

  /** As much padding as makes the output as large as the input. */
  public ConvOptions withSamePadding() {
    return new ConvOptions(strideH, strideW, 0, 0, true, dilationH, dilationW, groups, bias, paddingMode, weightInit);
  }

  public ConvOptions withDilation(int dilation) {
    return withDilation(dilation, dilation);
  }

  public ConvOptions withDilation(int h, int w) {
    return new ConvOptions(strideH, strideW, paddingH, paddingW, samePadding, h, w, groups, bias, paddingMode,
        weightInit);
  }

  public ConvOptions withGroups(int count) {
    return new ConvOptions(strideH, strideW, paddingH, paddingW, samePadding, dilationH, dilationW, count, bias,
        paddingMode, weightInit);
  }

  public ConvOptions withBias(boolean has) {
    return new ConvOptions(strideH, strideW, paddingH, paddingW, samePadding, dilationH, dilationW, groups, has,
        paddingMode, weightInit);
  }

  public ConvOptions withPaddingMode(PaddingMode mode) {
    return new ConvOptions(strideH, strideW, paddingH, paddingW, samePadding, dilationH, dilationW, groups, bias, mode,
        weightInit);
  }

  public ConvOptions withWeightInit(Initializer initializer) {
    return new ConvOptions(strideH, strideW, paddingH, paddingW, samePadding, dilationH, dilationW, groups, bias,
        paddingMode, initializer);
  }
}
