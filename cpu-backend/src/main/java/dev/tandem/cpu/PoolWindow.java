package dev.tandem.cpu;

/**
 * One window of channels-last pooling: averages for all channels, whole vectors of them by {@link VectorPool}; maxima
 * for those channels one by one that {@link MaxPool} leaves.
 */
final class PoolWindow {
  private PoolWindow() {
  }

  /** Channels that vectors take. */
  static int byVector(Image x) {
    return Lanes.AVAILABLE ? x.channels() / Tiles.LANES * Tiles.LANES : 0;
  }

  /** From channel {@code first} on. */
  static void max(Image x, int first, long window, int rows, int columns, long out) {
    for (int c = first; c < x.channels(); c++) {
      Memory.setFloat(out + 4L * c, max(x, window + 4L * c, rows, columns));
    }
  }

  private static float max(Image x, long at, int rows, int columns) {
    float m = Float.NEGATIVE_INFINITY;
    for (int r = 0; r < rows; r++) {
      for (int q = 0; q < columns; q++) {
        m = Math.max(m, Memory.getFloat(at + r * x.rowStride() + q * x.pixelStride()));
      }
    }
    return m;
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

  /**
   * Adds the gradient of a maximum to where the window of {@code x} has it first (or its first NaN).
   *
   * @param first channel
   * @param gradient of the window's output pixel
   * @param target the window in {@code dx}
   */
  static void maxGradient(Image x, int first, long window, int rows, int columns, long gradient, Image dx,
      long target) {
    for (int c = first; c < x.channels(); c++) {
      addAtFirst(x, window + 4L * c, rows, columns, Memory.getFloat(gradient + 4L * c), dx, target + 4L * c);
    }
  }

  private static void addAtFirst(Image x, long window, int rows, int columns, float gradient, Image dx, long target) {
    float m = max(x, window, rows, columns);
    for (int r = 0; r < rows; r++) {
      for (int q = 0; q < columns; q++) {
        float v = Memory.getFloat(window + r * x.rowStride() + q * x.pixelStride());
        if (v == m || Float.isNaN(v)) {
          long t = target + r * dx.rowStride() + q * dx.pixelStride();
          Memory.setFloat(t, Memory.getFloat(t) + gradient);
          return;
        }
      }
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
