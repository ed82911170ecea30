package dev.tandem.core.nn;

import dev.tandem.core.op.PoolGeometry;

/**
 * The largest element under each window: {@code [N, C, H, W] -> [N, C, OH, OW]} with {@code OH = (H + 2 padding - K) / stride + 1},
 * rounded down. Padding is never the largest. The gradient goes to the first of equal elements.
 */
public final class MaxPool2d extends Pooling {
  /** Square windows side by side. */
  public MaxPool2d(int kernel) {
    this(kernel, kernel, 0);
  }

  /**
   * Square windows.
   *
   * @param padding at most half the window
   */
  public MaxPool2d(int kernel, int stride, int padding) {
    this(kernel, kernel, stride, stride, padding, padding);
  }

  public MaxPool2d(int kernelH, int kernelW, int strideH, int strideW, int paddingH, int paddingW) {
    super(new PoolGeometry(PoolGeometry.Kind.MAX, kernelH, kernelW, strideH, strideW, paddingH, paddingW), false);
  }
}
