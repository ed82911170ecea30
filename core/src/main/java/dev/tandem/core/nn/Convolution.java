package dev.tandem.core.nn;

import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;

/** Padding and convolution of images {@code [N, C, H, W]}, as the layers of one and two dimensions share them. */
record Convolution(int kernelH, int kernelW, ConvOptions options) {
  /** Checks what no image can mend. */
  static Convolution of(String layer, int in, int out, int kernelH, int kernelW, ConvOptions options) {
    if (in < 1 || out < 1 || kernelH < 1 || kernelW < 1) {
      throw new ShapeException(layer + " from " + in + " to " + out + " channels with a kernel of " + kernelH + " x "
          + kernelW + "; all must be positive");
    }
    if (in % options.groups() != 0 || out % options.groups() != 0) {
      throw new ShapeException(layer + ": " + in + " and " + out + " channels do not both fall into "
          + options.groups() + " groups");
    }
    return new Convolution(kernelH, kernelW, options);
  }

  /** The bias of PyTorch: uniform between {@code ±1 / sqrt(fan-in)}. */
  static Initializer biasInit(int channelsPerGroup, int kernelH, int kernelW) {
    double bound = 1 / Math.sqrt((double) channelsPerGroup * kernelH * kernelW);
    return Initializers.uniform(-bound, bound);
  }

  /** @param weight [O, C / groups, KH, KW] */
  Tensor apply(Tensor x, Tensor weight) {
    ConvOptions o = options;
    int totalH = o.samePadding() ? o.dilationH() * (kernelH - 1) : 2 * o.paddingH();
    int totalW = o.samePadding() ? o.dilationW() * (kernelW - 1) : 2 * o.paddingW();
    if (o.paddingMode() == PaddingMode.ZEROS) {
      Tensor even = o.paddingMode().pad(o.paddingMode().pad(x, 2, 0, totalH % 2), 3, 0, totalW % 2);
      return Execution.one(new Conv2d(geometry(totalH / 2, totalW / 2)), even, weight);
    }
    Tensor rows = o.paddingMode().pad(x, 2, totalH / 2, totalH - totalH / 2);
    Tensor padded = o.paddingMode().pad(rows, 3, totalW / 2, totalW - totalW / 2);
    return Execution.one(new Conv2d(geometry(0, 0)), padded, weight);
  }

  ConvGeometry geometry(int paddingH, int paddingW) {
    return new ConvGeometry(options.strideH(), options.strideW(), paddingH, paddingW, options.dilationH(),
        options.dilationW(), options.groups());
  }
}
