package dev.tandem.cpu;

import dev.tandem.core.op.PoolGeometry;
import java.util.List;

/**
 * Maxima of a channels-last image, and their gradient, for whole vectors of channels. The usual windows of 2 x 2 and
 * 3 x 3 are done one after the other, a row of them at a time; for the gradient of those two pixels apart see
 * {@link HalvingGradient}. The gradient of larger ones goes over a row of windows
 * once for each place of a window, in loops as long as the row: loops over the few places of a window cost more than
 * what is done in them.
 */
final class MaxPool {
  /** Rows and columns of windows that are done as a whole. */
  private static final int SMALL = 3;

  private MaxPool() {
  }

  /** The vector loops that a forward pass wants. */
  static List<WarmUp> forwardWarmUps(PoolGeometry g) {
    return isQuads(g) ? VectorPool.QUAD_MAX : isSmall(g) ? VectorPool.SMALL_MAX : VectorPool.MAX;
  }

  static List<WarmUp> gradientWarmUps(PoolGeometry g) {
    return isQuads(g) ? VectorPool.QUAD_GRADIENT
        : isHalving(g) ? VectorPool.HALVING_GRADIENT
            : isSmall(g) ? VectorPool.SMALL_GRADIENT : VectorPool.MAX_GRADIENT;
  }

  /** The first {@code channels} of y. */
  static void forward(PoolGeometry g, Image x, Image y, int channels) {
    for (int r = 0; r < y.height(); r++) {
      if (isQuads(g)) {
        VectorPool.quadMax(channels, y.width(), x.at(0, r * g.strideH()), x.rowStride(), x.pixelStride(),
            g.strideW() * x.pixelStride(), y.at(0, r), y.pixelStride());
      } else if (isSmall(g)) {
        smallMaxima(g, x, channels, r, y);
      } else {
        maxima(g, x, channels, r, y.width(), y.at(0, r), y.pixelStride());
      }
    }
  }

  /** The first {@code channels} of dx. */
  static void gradient(PoolGeometry g, Image x, Image dy, Image dx, int channels) {
    if (isQuads(g)) {
      quads(g, x, dy, dx, channels);
      return;
    }
    if (isHalving(g)) {
      new HalvingGradient(g, x, dy, dx, channels).run();
      return;
    }
    int cleared = 0;
    for (int r = 0; r < dy.height(); r++) {
      // Not long before it is added to, while it is in the cache.
      int wanted = r == dy.height() - 1 ? x.height() : Math.max(cleared, bottom(g, x, r));
      dx.clear(cleared, wanted, 0, channels);
      cleared = wanted;
      if (isSmall(g)) {
        smallGradients(g, x, channels, r, dy, dx);
      } else {
        gradients(g, x, channels, r, dy, dx);
      }
    }
  }

  /**
   * Whether a pixel is given by the windows of a row from the first to the last, else from the last to the first, as it is when the
   * row is gone over once for each place of a window.
   */
  static boolean givesFromFirstWindow(PoolGeometry g) {
    return isSmall(g);
  }

  static int top(PoolGeometry g, int r) {
    return Math.max(0, r * g.strideH() - g.paddingH());
  }

  static int bottom(PoolGeometry g, Image x, int r) {
    return Math.min(x.height(), r * g.strideH() - g.paddingH() + g.kernelH());
  }

  static int left(PoolGeometry g, int i) {
    return Math.max(0, i * g.strideW() - g.paddingW());
  }

  static int right(PoolGeometry g, Image x, int i) {
    return Math.min(x.width(), i * g.strideW() - g.paddingW() + g.kernelW());
  }

  /** How many windows from {@code i} on have all their columns in the image; 1 if that one has not. */
  static int alike(PoolGeometry g, Image x, int i, int pixels) {
    return i < firstInside(g, 0) ? 1 : Math.max(1, endInside(g, g.kernelW() - 1, x.width(), pixels) - i);
  }

  private static void smallMaxima(PoolGeometry g, Image x, int channels, int r, Image y) {
    int rows = bottom(g, x, r) - top(g, r);
    int n;
    for (int i = 0; i < y.width(); i += n) {
      n = alike(g, x, i, y.width());
      int columns = right(g, x, i) - left(g, i);
      VectorPool.smallMax(channels, n, x.at(0, top(g, r)) + left(g, i) * x.pixelStride(),
          Math.min(1, rows - 1) * x.rowStride(), Math.min(2, rows - 1) * x.rowStride(),
          Math.min(1, columns - 1) * x.pixelStride(), Math.min(2, columns - 1) * x.pixelStride(),
          g.strideW() * x.pixelStride(), y.at(0, r) + i * y.pixelStride(), y.pixelStride());
    }
  }

  private static void smallGradients(PoolGeometry g, Image x, int channels, int r, Image dy, Image dx) {
    int rows = bottom(g, x, r) - top(g, r);
    int n;
    for (int i = 0; i < dy.width(); i += n) {
      n = alike(g, x, i, dy.width());
      int row1 = Math.min(1, rows - 1);
      int row2 = Math.min(2, rows - 1);
      int columns = right(g, x, i) - left(g, i);
      int column1 = Math.min(1, columns - 1);
      int column2 = Math.min(2, columns - 1);
      VectorPool.smallGradient(channels, n, x.at(0, top(g, r)) + left(g, i) * x.pixelStride(), row1 * x.rowStride(),
          row2 * x.rowStride(), column1 * x.pixelStride(), column2 * x.pixelStride(), g.strideW() * x.pixelStride(),
          dy.at(0, r) + i * dy.pixelStride(), dy.pixelStride(),
          dx.at(0, top(g, r)) + left(g, i) * dx.pixelStride(), row1 * dx.rowStride(), row2 * dx.rowStride(),
          column1 * dx.pixelStride(), column2 * dx.pixelStride(), g.strideW() * dx.pixelStride());
    }
  }

  private static void gradients(PoolGeometry g, Image x, int channels, int r, Image dy, Image dx) {
    int pixels = dy.width();
    long pixel = 4L * channels;
    long maxima = Workspace.floats(Workspace.Slot.ROWS, 2L * pixels * channels);
    long left = maxima + pixels * pixel;
    maxima(g, x, channels, r, pixels, maxima, pixel);
    Panels.copyRows(dy.at(0, r), dy.pixelStride(), left, pixel, pixels, channels);
    for (int row = top(g, r); row < bottom(g, x, r); row++) {
      for (int q = 0; q < g.kernelW(); q++) {
        int from = firstInside(g, q);
        int column = from * g.strideW() - g.paddingW() + q;
        VectorPool.maxGradient(channels, endInside(g, q, x.width(), pixels) - from,
            x.at(0, row) + column * x.pixelStride(), g.strideW() * x.pixelStride(), maxima + from * pixel,
            left + from * pixel, pixel, dx.at(0, row) + column * dx.pixelStride(), g.strideW() * dx.pixelStride());
      }
    }
  }

  /** A row of windows, in the order of memory: what is read again for the gradient is then in the cache. */
  private static void maxima(PoolGeometry g, Image x, int channels, int r, int pixels, long to, long toPixel) {
    int rows = bottom(g, x, r) - top(g, r);
    for (int i = 0; i < pixels; i++) {
      VectorPool.max(channels, x.at(0, top(g, r)) + left(g, i) * x.pixelStride(), x.rowStride(), x.pixelStride(), rows,
          right(g, x, i) - left(g, i), to + i * toPixel);
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

  private static boolean isSmall(PoolGeometry g) {
    return g.kernelH() <= SMALL && g.kernelW() <= SMALL;
  }

  /** Whether windows are the usual 2 x 2, of which none overlap. */
  private static boolean isQuads(PoolGeometry g) {
    return g.kernelH() == 2 && g.kernelW() == 2 && g.strideH() >= 2 && g.strideW() >= 2 && g.paddingH() == 0
        && g.paddingW() == 0;
  }

  /** Whether windows are the usual 3 x 3, every other pixel. */
  private static boolean isHalving(PoolGeometry g) {
    return g.kernelH() == 3 && g.kernelW() == 3 && g.strideH() == 2 && g.strideW() == 2;
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
