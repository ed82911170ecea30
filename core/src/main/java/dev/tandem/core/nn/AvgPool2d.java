package dev.tandem.core.nn;

import dev.tandem.core.op.PoolGeometry;

/**
 * The mean of each window: {@code [N, C, H, W] -> [N, C, OH, OW]} with {@code OH = (H + 2 padding - K) / stride + 1}, rounded down.
 */
public final class AvgPool2d extends Pooling {
  /** Square windows side by side. */
  public AvgPool2d(int kernel) {
    this(kernel, kernel, 0);
  }

  /**
   * Square windows; padding counts as zeros.
   *
   * @param padding at most half the window
   */
  public AvgPool2d(int kernel, int stride, int padding) {
    this(kernel, stride, padding, true);
  }

  /**
   * Square windows.
   *
   * @param countIncludePad whether padding counts as zeros, else the mean is over elements of the image
   */
  public AvgPool2d(int kernel, int stride, int padding, boolean countIncludePad) {
    this(kernel, kernel, stride, stride, padding, padding, countIncludePad);
  }

  public AvgPool2d(int kernelH, int kernelW, int strideH, int strideW, int paddingH, int paddingW,
      boolean countIncludePad) {
    super(new PoolGeometry(average(countIncludePad), kernelH, kernelW, strideH, strideW, paddingH, paddingW), false);
  }
}
