package dev.tandem.core.op;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;

/**
 * What a pooling window covers and how it moves.
 *
 * @param kind maximum, or average with or without the padding counted
 * @param paddingH rows of padding above and below, at most half the window; never a maximum
 */
public record PoolGeometry(Kind kind, int kernelH, int kernelW, int strideH, int strideW, int paddingH, int paddingW) {
  /** What becomes of the elements under a window. */
  public enum Kind {
    /** The largest; NaN if one is NaN. */
    MAX,
    /** Their sum over the size of the window, padding counted as zeros. */
    AVERAGE,
    /** Their sum over how many of them lie inside the image. */
    AVERAGE_INSIDE
  }

  public PoolGeometry {
    ShapeException.require(kernelH > 0 && kernelW > 0 && strideH > 0 && strideW > 0,
        "windows and strides must be positive");
    ShapeException.require(paddingH >= 0 && paddingW >= 0 && 2 * paddingH <= kernelH && 2 * paddingW <= kernelW,
        "padding must lie between 0 and half the window");
  }

  /** Square windows side by side. */
  public static PoolGeometry of(Kind kind, int kernel) {
    return new PoolGeometry(kind, kernel, kernel, kernel, kernel, 0, 0);
  }

  /** {@code [N, C, H, W] -> [N, C, OH, OW]}. */
  Shape output(Shape x) {
    ShapeException.require(x.rank() == 4, "the image must be [N, C, H, W]");
    ShapeException.require(x.dim(2) > 0 && x.dim(3) > 0,
        "there is nothing to pool in an image without rows or columns");
    if (x.dim(2) + 2 * paddingH < kernelH || x.dim(3) + 2 * paddingW < kernelW) {
      throw new ShapeException(
          "a window of " + kernelH + " x " + kernelW + " does not fit an image of " + x.dim(2) + " x " + x.dim(3));
    }
    return Shape.of(x.dim(0), x.dim(1), (x.dim(2) + 2 * paddingH - kernelH) / strideH + 1,
        (x.dim(3) + 2 * paddingW - kernelW) / strideW + 1);
  }
}
