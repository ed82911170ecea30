package dev.tandem.cpu;

import dev.tandem.core.op.PoolGeometry;

/**
 * Maxima of a channels-last image, and their gradient, for whole vectors of channels. The gradient goes over a row of
 * windows once for each place of a window, in loops as long as the row: loops over the few places of a window cost more
 * than what is done in them.
 */
final class MaxPool {
  private MaxPool() {
  }

  /** The first {@code channels} of y. */
  static void forward(PoolGeometry g, Image x, Image y, int channels) {
    for (int r = 0; r < y.height(); r++) {
      maxima(g, x, channels, r, y.width(), y.at(0, r), y.pixelStride());
    }
  }

  /** The first {@code channels} of dx. */
  static void gradient(PoolGeometry g, Image x, Image dy, Image dx, int channels) {
    if (isQuads(g)) {
      quads(g, x, dy, dx, channels);
      return;
    }
    int pixels = dy.width();
    long pixel = 4L * channels;
    long maxima = Workspace.floats(Workspace.Slot.ROWS, 2L * pixels * channels);
    long left = maxima + pixels * pixel;
    int cleared = 0;
    for (int r = 0; r < dy.height(); r++) {
      maxima(g, x, channels, r, pixels, maxima, pixel);
      Panels.copyRows(dy.at(0, r), dy.pixelStride(), left, pixel, pixels, channels);
      int top = r * g.strideH() - g.paddingH();
      int bottom = Math.min(x.height(), top + g.kernelH());
      // Not long before it is added to, while it is in the cache.
      int wanted = r == dy.height() - 1 ? x.height() : Math.max(cleared, bottom);
      dx.clear(cleared, wanted, 0, channels);
      cleared = wanted;
      for (int row = Math.max(0, top); row < bottom; row++) {
        for (int q = 0; q < g.kernelW(); q++) {
          int from = firstInside(g, q);
          int column = from * g.strideW() - g.paddingW() + q;
          VectorPool.maxGradient(channels, endInside(g, q, x.width(), pixels) - from,
              x.at(0, row) + column * x.pixelStride(), g.strideW() * x.pixelStride(), maxima + from * pixel,
              left + from * pixel, pixel, dx.at(0, row) + column * dx.pixelStride(), g.strideW() * dx.pixelStride());
        }
      }
    }
  }

  /** A row of windows, in the order of memory: what is read again for the gradient is then in the cache. */
  private static void maxima(PoolGeometry g, Image x, int channels, int r, int pixels, long to, long toPixel) {
    int top = Math.max(0, r * g.strideH() - g.paddingH());
    int rows = Math.min(x.height(), r * g.strideH() - g.paddingH() + g.kernelH()) - top;
    for (int i = 0; i < pixels; i++) {
      int left = Math.max(0, i * g.strideW() - g.paddingW());
      int columns = Math.min(x.width(), i * g.strideW() - g.paddingW() + g.kernelW()) - left;
      VectorPool.max(channels, x.at(0, top) + left * x.pixelStride(), x.rowStride(), x.pixelStride(), rows, columns,
          to + i * toPixel);
    }
  }

  /** The first window whose column {@code q} is in the image. */
  private static int firstInside(PoolGeometry g, int q) {
    return Math.ceilDiv(Math.max(0, g.paddingW() - q), g.strideW());
  }

  /** Behind the last of {@code pixels} windows whose column {@code q} is in an image of that width. */
  private static int endInside(PoolGeometry g, int q, int width, int pixels) {
    return Math.max(firstInside(g, q), Math.min(pixels, Math.floorDiv(width - 1 + g.paddingW() - q, g.strideW()) + 1));
  }

  /** Whether windows are the usual 2 x 2, of which none overlap. */
  static boolean isQuads(PoolGeometry g) {
    return g.kernelH() == 2 && g.kernelW() == 2 && g.strideH() >= 2 && g.strideW() >= 2 && g.paddingH() == 0
        && g.paddingW() == 0;
  }

  private static void quads(PoolGeometry g, Image x, Image dy, Image dx, int channels) {
    boolean covered = g.strideH() == 2 && g.strideW() == 2 && x.height() == 2 * dy.height()
        && x.width() == 2 * dy.width();
    if (!covered) {
      dx.clear(0, dx.height(), 0, channels);
    }
    for (int r = 0; r < dy.height(); r++) {
      long window = x.at(0, r * g.strideH());
      long target = dx.at(0, r * g.strideH());
      VectorPool.quadGradient(channels, dy.width(), window, x.rowStride(), x.pixelStride(),
          g.strideW() * x.pixelStride(), dy.at(0, r), dy.pixelStride(), target, dx.rowStride(), dx.pixelStride(),
          g.strideW() * dx.pixelStride());
    }
  }
}
