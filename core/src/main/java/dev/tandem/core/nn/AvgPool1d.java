package dev.tandem.core.nn;

import dev.tandem.core.op.PoolGeometry;

/** The mean of each window: {@code [N, C, L] -> [N, C, OL]}; otherwise as {@link AvgPool2d}. */
public final class AvgPool1d extends Pooling {
  /** Windows side by side. */
  public AvgPool1d(int kernel) {
    this(kernel, kernel, 0, true);
  }

  /**
   * @param padding at most half the window
   * @param countIncludePad whether padding counts as zeros, else the mean is over elements of the sequence
   */
  public AvgPool1d(int kernel, int stride, int padding, boolean countIncludePad) {
    super(new PoolGeometry(average(countIncludePad), 1, kernel, 1, stride, 0, padding), true);
  }
}
