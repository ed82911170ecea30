package dev.tandem.cpu;

import java.util.Arrays;

/**
 * Sums along dense rows. The first elements of a row, a multiple of 64, are added in 64 lanes, of which lane l takes elements l,
 * l + 64, …, in single precision; four lanes each are added up to 16, to which the elements left are added, and these come together
 * in double. Scalar and vector code give the same bits.
 */
final class RowTotals {
  static final int LANES = 64;
  /** Lanes when four each have been added up. */
  static final int LEFT = LANES / 4;
  /** Rows that are done at a time. */
  static final int ROWS = 32;
  /** Floats that are copied to an array at once, a multiple of {@link #LANES}. */
  private static final int COPIED = 4096;

  private final boolean vector;
  private final float[] work = new float[LANES];
  private final float[] second = new float[LANES];
  private final double[] one = new double[1];
  /** Of every row at a time. */
  private final float[] lanes = new float[ROWS * LEFT];
  private final float[] products = new float[ROWS * LEFT];

  /** @param vector whether vector instructions may be used */
  RowTotals(boolean vector) {
    this.vector = vector && VectorFolds.FITS;
  }

  /** Has the vector loops compiled. */
  static void warmUp() {
    if (Lanes.AVAILABLE) {
      WarmUp.await(VectorTotals.WARM_UPS);
    }
  }

  /** The sum of one row. */
  double sum(long x, int n) {
    if (n <= LEFT) {
      return few(x, n);
    }
    laneSums(x, 0, 1, n, one);
    return total(lanes, 0);
  }

  /** The sums of {@link #ROWS} rows at most. */
  void sums(long x, long rowBytes, int rows, int n, double[] to) {
    if (n <= LEFT) {
      for (int r = 0; r < rows; r++) {
        to[r] = few(x + r * rowBytes, n);
      }
      return;
    }
    int done = laneSums(x, rowBytes, rows, n, to);
    totals(lanes, done, rows, to);
  }

  /** Lanes of one element each. */
  private static double few(long x, int n) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
      s0 += Memory.getFloat(x + 4L * i);
      s1 += Memory.getFloat(x + 4L * i + 4);
      s2 += Memory.getFloat(x + 4L * i + 8);
      s3 += Memory.getFloat(x + 4L * i + 12);
    }
    s0 += i < n ? Memory.getFloat(x + 4L * i) : 0;
    s1 += i + 1 < n ? Memory.getFloat(x + 4L * i + 4) : 0;
    s2 += i + 2 < n ? Memory.getFloat(x + 4L * i + 8) : 0;
    return s0 + s1 + (s2 + s3);
  }

  /** @return of how many rows {@code to} has the totals already */
  private int laneSums(long x, long rowBytes, int rows, int n, double[] to) {
    if (!vector || !VectorTotals.sumsRows(rows, n)) {
      for (int r = 0; r < rows; r++) {
        laneSums(x + r * rowBytes, n, LEFT * r);
      }
      return 0;
    }
    int done = VectorTotals.sums(x, rowBytes, rows, n, work, lanes, to);
    for (int r = 0; r < rows; r++) {
      for (int i = left(n); i < n; i++) {
        lanes[LEFT * r + i % LEFT] += Memory.getFloat(x + r * rowBytes + 4L * i);
      }
    }
    return done;
  }

  /** Of one row in an array: numbers one by one take long until C2 has compiled the loop. */
  private void laneSums(long row, int n, int to) {
    int whole = n & -LANES;
    float[] values = Workspace.array(Workspace.Slot.ROWS, COPIED);
    Arrays.fill(work, 0);
    for (int from = 0; from < whole; from += COPIED) {
      int some = Math.min(COPIED, whole - from);
      Memory.getFloats(row + 4L * from, values, 0, some);
      for (int i = 0; i < some; i += LANES) {
        add(values, i, LANES, work, 0);
      }
    }
    fold(work, lanes, to);
    Memory.getFloats(row + 4L * whole, values, 0, n - whole);
    for (int i = 0; i < n - whole; i += LEFT) {
      add(values, i, Math.min(LEFT, n - whole - i), lanes, to);
    }
  }

  private static void add(float[] values, int from, int n, float[] sums, int to) {
    for (int i = 0; i < n; i++) {
      sums[to + i] += values[from + i];
    }
  }

  /** The sums of {@code (x - center)²}, for each row with a center of its own; {@link #ROWS} rows at most. */
  void squares(long x, long rowBytes, int rows, int n, float[] centers, double[] to) {
    if (vector) {
      VectorTotals.squares(x, rowBytes, rows, n, centers, work, lanes);
    }
    for (int r = 0; r < rows; r++) {
      long row = x + r * rowBytes;
      float center = centers[r];
      if (!vector) {
        Arrays.fill(work, 0);
        for (int i = 0; i < (n & -LANES); i++) {
          float d = Memory.getFloat(row + 4L * i) - center;
          work[i % LANES] += d * d;
        }
        fold(work, lanes, LEFT * r);
      }
      for (int i = left(n); i < n; i++) {
        float d = Memory.getFloat(row + 4L * i) - center;
        lanes[LEFT * r + i % LEFT] += d * d;
      }
    }
    totals(lanes, 0, rows, to);
  }

  /**
   * With {@code g = y weight}: the sums of g, and those of {@code g (x - center)}, for {@link #ROWS} rows at most.
   *
   * @param weight address of weights, or 0 for none
   */
  void products(long x, long xRow, long y, long yRow, long weight, int rows, int n, float[] centers, double[] sums,
      double[] ofProducts) {
    if (vector && weight == 0) {
      VectorTotals.products(x, xRow, y, yRow, rows, n, centers, work, second, lanes, products);
    } else if (vector) {
      VectorTotals.weighted(x, xRow, y, yRow, weight, rows, n, centers, work, second, lanes, products);
    }
    for (int r = 0; r < rows; r++) {
      if (!vector) {
        Arrays.fill(work, 0);
        Arrays.fill(second, 0);
        addProducts(x + r * xRow, y + r * yRow, weight, centers[r], 0, n & -LANES, work, second, 0, LANES);
        fold(work, lanes, LEFT * r);
        fold(second, products, LEFT * r);
      }
      addProducts(x + r * xRow, y + r * yRow, weight, centers[r], left(n), n, lanes, products, LEFT * r, LEFT);
    }
    totals(lanes, 0, rows, sums);
    totals(products, 0, rows, ofProducts);
  }

  private static void addProducts(long x, long y, long weight, float center, int from, int to, float[] first,
      float[] second, int at, int count) {
    for (int i = from; i < to; i++) {
      float g = Memory.getFloat(y + 4L * i);
      g = weight == 0 ? g : g * Memory.getFloat(weight + 4L * i);
      first[at + i % count] += g;
      second[at + i % count] += g * (Memory.getFloat(x + 4L * i) - center);
    }
  }

  /** Where the elements begin that are added to 16 lanes one by one. */
  private int left(int n) {
    return n & (vector ? -VectorFolds.WIDTH : -LANES);
  }

  private static void fold(float[] work, float[] to, int at) {
    for (int l = 0; l < LEFT; l++) {
      to[at + l] = work[l] + work[l + LEFT] + (work[l + 2 * LEFT] + work[l + 3 * LEFT]);
    }
  }

  private static void totals(float[] from, int first, int rows, double[] to) {
    for (int r = first; r < rows; r++) {
      to[r] = total(from, LEFT * r);
    }
  }

  /** What 16 lanes come together to. */
  static double total(float[] from, int at) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    for (int l = at; l < at + LEFT; l += 4) {
      s0 += from[l];
      s1 += from[l + 1];
      s2 += from[l + 2];
      s3 += from[l + 3];
    }
    return s0 + s1 + (s2 + s3);
  }
}
