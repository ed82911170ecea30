package dev.tandem.cpu;

/**
 * One window of channels-last average pooling, for all channels, whole vectors of them by {@link VectorPool}.
 */
final class PoolWindow {
  private PoolWindow() {
  }

  /** Channels that vectors take. */
  static int byVector(Image x) {
    return Lanes.AVAILABLE ? x.channels() / Tiles.LANES * Tiles.LANES : 0;
  }

  static void average(Image x, long window, int rows, int columns, float divisor, long out) {
    int vectors = byVector(x);
    if (vectors > 0) {
      VectorPool.average(vectors, window, x.rowStride(), x.pixelStride(), rows, columns, divisor, out);
    }
    for (int c = vectors; c < x.channels(); c++) {
      float sum = 0;
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < columns; q++) {
          sum += Memory.getFloat(window + 4L * c + r * x.rowStride() + q * x.pixelStride());
        }
      }
      Memory.setFloat(out + 4L * c, sum / divisor);
    }
  }

  static void averageGradient(Image dx, long window, int rows, int columns, float divisor, long gradient) {
    int vectors = byVector(dx);
    if (vectors > 0) {
      VectorPool.averageGradient(vectors, window, dx.rowStride(), dx.pixelStride(), rows, columns, divisor, gradient);
    }
    for (int c = vectors; c < dx.channels(); c++) {
      float share = Memory.getFloat(gradient + 4L * c) / divisor;
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < columns; q++) {
          long t = window + 4L * c + r * dx.rowStride() + q * dx.pixelStride();
          Memory.setFloat(t, Memory.getFloat(t) + share);
        }
      }
    }
  }
}
