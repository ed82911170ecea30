package dev.tandem.cpu;

import dev.tandem.core.op.PoolGeometry;
import java.util.Arrays;

/**
 * Maxima of a channels-last image, and their gradient, without vector instructions: of the channels that
 * {@link MaxPool} leaves, which are all of them until its loops are compiled. It has the bits of those loops. The rows
 * that a row of windows covers are copied to arrays first: in code that is not compiled yet, a thousand numbers copied
 * at once take no longer than a few that are read by themselves.
 */
final class ScalarPool {
  /** Of the rows that windows cover; of more, some channels are done at a time. */
  private static final int FLOATS = 1 << 16;

  /** So many calls of a loop has HotSpot counted when it has C1 compile it, even while C1 has much to do. */
  private static final int CALLS = 1024;

  static {
    // Done before the vector loops are begun with, whose insides keep C1 busy for longer than the first images take.
    float[] one = new float[1];
    for (int i = 0; i < CALLS; i++) {
      max(one, 0, 1, 1, 1, 1, one, 0);
      add(one, 0, 1, 1, 1, 1, one, 0, one);
    }
  }

  private final PoolGeometry g;
  private final Image x;
  /** The image of outputs, or of their gradients. */
  private final Image y;
  /** The first channel, and how many. */
  private final int first;
  private final int channels;
  /** Floats of a row of the image. */
  private final int line;
  private final float[] rows;

  private ScalarPool(PoolGeometry g, Image x, Image y, int first, int channels) {
    this.g = g;
    this.x = x;
    this.y = y;
    this.first = first;
    this.channels = channels;
    line = x.width() * channels;
    rows = Workspace.array(Workspace.Slot.BAND, Math.multiplyExact(g.kernelH(), line));
  }

  /** Does nothing when it is called again. */
  static void begin() {
    // The class is initialised.
  }

  private static int channelsAtOnce(PoolGeometry g, Image x) {
    return Math.max(Tiles.LANES, FLOATS / (g.kernelH() * Math.max(1, x.width())));
  }

  /** The channels of y from {@code first} on. */
  static void forward(PoolGeometry g, Image x, Image y, int first) {
    int n = channelsAtOnce(g, x);
    for (int c = first; c < x.channels(); c += n) {
      new ScalarPool(g, x, y, c, Math.min(n, x.channels() - c)).forward();
    }
  }

  /** The channels of dx from {@code first} on. */
  static void gradient(PoolGeometry g, Image x, Image dy, Image dx, int first) {
    int n = channelsAtOnce(g, x);
    for (int c = first; c < x.channels(); c += n) {
      new ScalarPool(g, x, dy, c, Math.min(n, x.channels() - c)).gradient(dx);
    }
  }

  private void forward() {
    float[] maxima = Workspace.array(Workspace.Slot.OUTPUT, y.width() * channels);
    for (int r = 0; r < y.height(); r++) {
      int top = MaxPool.top(g, r);
      int tall = MaxPool.bottom(g, x, r) - top;
      load(x, top, tall, rows);
      for (int i = 0; i < y.width(); i++) {
        int left = MaxPool.left(g, i);
        max(rows, left * channels, line, channels, tall, MaxPool.right(g, x, i) - left, maxima, i * channels);
      }
      store(maxima, y, r, 1);
    }
  }

  private void gradient(Image dx) {
    float[] given = Workspace.array(Workspace.Slot.SECOND_BAND, y.width() * channels);
    float[] sums = Workspace.array(Workspace.Slot.OUTPUT, rows.length);
    int written = 0;
    for (int r = 0; r < y.height(); r++) {
      int top = MaxPool.top(g, r);
      int bottom = MaxPool.bottom(g, x, r);
      load(x, top, bottom - top, rows);
      load(y, r, 1, given);
      if (written < top) {
        dx.clear(written, top, first, first + channels);
        written = top;
      }
      load(dx, top, written - top, sums);
      Arrays.fill(sums, (written - top) * line, (bottom - top) * line, 0);
      add(bottom - top, given, sums);
      store(sums, dx, top, bottom - top);
      written = bottom;
    }
    dx.clear(written, dx.height(), first, first + channels);
  }

  /** A pixel is given by the windows in a row in the order that vectors give in. */
  private void add(int tall, float[] given, float[] sums) {
    boolean fromFirst = MaxPool.givesFromFirstWindow(g);
    for (int j = 0; j < y.width(); j++) {
      int i = fromFirst ? j : y.width() - 1 - j;
      int left = MaxPool.left(g, i);
      add(rows, left * channels, line, channels, tall, MaxPool.right(g, x, i) - left, given, i * channels, sums);
    }
  }

  private boolean isWhole(Image o) {
    return channels == o.channels() && o.pixelStride() == 4L * channels;
  }

  /** Some rows, without gaps. */
  private void load(Image o, int row, int count, float[] to) {
    int n = o.width() * channels;
    if (isWhole(o) && o.rowStride() == 4L * n) {
      Memory.getFloats(o.at(0, row), to, 0, count * n);
      return;
    }
    for (int k = 0; k < count; k++) {
      long at = o.at(0, row + k) + 4L * first;
      if (isWhole(o)) {
        Memory.getFloats(at, to, k * n, n);
      } else {
        for (int q = 0; q < o.width(); q++) {
          Memory.getFloats(at + q * o.pixelStride(), to, k * n + q * channels, channels);
        }
      }
    }
  }

  private void store(float[] from, Image o, int row, int count) {
    int n = o.width() * channels;
    if (isWhole(o) && o.rowStride() == 4L * n) {
      Memory.setFloats(o.at(0, row), from, 0, count * n);
      return;
    }
    for (int k = 0; k < count; k++) {
      long at = o.at(0, row + k) + 4L * first;
      if (isWhole(o)) {
        Memory.setFloats(at, from, k * n, n);
      } else {
        for (int q = 0; q < o.width(); q++) {
          Memory.setFloats(at + q * o.pixelStride(), from, k * n + q * channels, channels);
        }
      }
    }
  }

  private static void max(float[] x, int window, int line, int channels, int rows, int columns, float[] maxima,
      int to) {
    for (int c = 0; c < channels; c++) {
      float m = Float.NEGATIVE_INFINITY;
      for (int k = 0; k < rows; k++) {
        int at = window + k * line + c;
        for (int q = 0; q < columns; q++) {
          // For most without a call, which takes long in the interpreter.
          if (!(x[at] < m)) {
            m = Math.max(m, x[at]);
          }
          at += channels;
        }
      }
      maxima[to + c] = m;
    }
  }

  /** Adds what is given to a window's channels where each has its maximum first, or its first NaN. */
  private static void add(float[] x, int window, int line, int channels, int rows, int columns, float[] given, int from,
      float[] sums) {
    for (int c = 0; c < channels; c++) {
      int best = window + c;
      float m = x[best];
      for (int k = 0; k < rows; k++) {
        int at = window + k * line + c;
        for (int q = 0; q < columns; q++) {
          if (!(x[at] <= m) && !Float.isNaN(m)) {
            m = x[at];
            best = at;
          }
          at += channels;
        }
      }
      sums[best] += given[from + c];
    }
  }
}
