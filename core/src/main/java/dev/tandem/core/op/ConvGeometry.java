package dev.tandem.core.op;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;

/**
 * How a convolution moves over an image.
 *
 * @param paddingH rows of zeros above and below; likewise {@code paddingW} left and right
 * @param dilationH rows between neighbouring taps of the kernel; 1 for an ordinary one
 * @param groups input and output channels fall into this many groups that do not mix
 */
public record ConvGeometry(int strideH, int strideW, int paddingH, int paddingW, int dilationH, int dilationW,
    int groups) {
  public ConvGeometry {
    ShapeException.require(strideH > 0 && strideW > 0, "strides must be positive");
    ShapeException.require(paddingH >= 0 && paddingW >= 0, "padding must not be negative");
    ShapeException.require(dilationH > 0 && dilationW > 0, "dilations must be positive");
    ShapeException.require(groups > 0, "groups must be positive");
  }

  /** The same in both directions, dense. */
  public static ConvGeometry of(int stride, int padding) {
    return new ConvGeometry(stride, stride, padding, padding, 1, 1, 1);
  }

  public int outputHeight(int height, int kernel) {
    return output("rows", height, kernel, strideH, paddingH, dilationH);
  }

  public int outputWidth(int width, int kernel) {
    return output("columns", width, kernel, strideW, paddingW, dilationW);
  }

  private static int output(String what, int in, int kernel, int stride, int padding, int dilation) {
    int reach = dilation * (kernel - 1) + 1;
    if (kernel < 1 || in + 2 * padding < reach) {
      throw new ShapeException("a kernel reaching over " + reach + " " + what + " does not fit an image of " + in
          + (padding > 0 ? " padded by " + padding : "; pad it"));
    }
    return (in + 2 * padding - reach) / stride + 1;
  }

  /** Output of {@code x [N, C, H, W]} and {@code weight [O, C / groups, KH, KW]}: {@code [N, O, OH, OW]}. */
  Shape output(Shape x, Shape weight) {
    ShapeException.require(x.rank() == 4, "the image must be [N, C, H, W]");
    ShapeException.require(weight.rank() == 4, "the weight must be [O, C / groups, KH, KW]");
    if (x.dim(1) != weight.dim(1) * groups) {
      throw new ShapeException(
          "the image has " + x.dim(1) + " channels and the weight wants " + weight.dim(1) * groups);
    }
    if (weight.dim(0) % groups != 0) {
      throw new ShapeException(weight.dim(0) + " output channels do not fall into " + groups + " groups");
    }
    return Shape.of(x.dim(0), weight.dim(0), outputHeight(x.dim(2), weight.dim(2)),
        outputWidth(x.dim(3), weight.dim(3)));
  }
}
