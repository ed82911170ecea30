package dev.tandem.core.nn;

import dev.tandem.core.op.PoolGeometry;

/** The largest element under each window: {@code [N, C, L] -> [N, C, OL]}; otherwise as {@link MaxPool2d}. */
public final class MaxPool1d extends Pooling {
  /** Windows side by side. */
  public MaxPool1d(int kernel) {
    this(kernel, kernel, 0);
  }

  /** @param padding at most half the window */
  public MaxPool1d(int kernel, int stride, int padding) {
    super(new PoolGeometry(PoolGeometry.Kind.MAX, 1, kernel, 1, stride, 0, padding), true);
  }
}
