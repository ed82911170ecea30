package dev.tandem.cpu;

import java.util.Arrays;

/**
 * Sums along a dense row. Its first elements, a multiple of 64, are added in 64 lanes, of which lane l takes elements l, l + 64, …, in
 * single precision; four lanes each are added up to 16, to which the elements left are added, and these come together in double.
 * Scalar and vector code give the same bits.
 */
final class RowTotals {
  static final int LANES = 64;
  /** Lanes when four each have been added up. */
  static final int LEFT = LANES / 4;

  private final boolean vector;
  private final float[] lanes = new float[LANES];
  private final float[] second = new float[LANES];
  /** The second result of {@link #products}. */
  private double product;

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

  double sum(long x, int n) {
    int whole = n & -LANES;
    if (vector && whole > 0) {
      VectorFolds.sumLanes(x, whole, lanes);
    } else {
      Arrays.fill(lanes, 0);
      addSum(x, 0, whole, LANES);
      fold(lanes);
    }
    addSum(x, whole, n, LEFT);
    return total(lanes);
  }

  private void addSum(long x, int from, int to, int count) {
    for (int i = from; i < to; i++) {
      lanes[i % count] += Memory.getFloat(x + 4L * i);
    }
  }

  /** The sum of {@code (x - center)²}. */
  double squares(long x, int n, float center) {
    int whole = n & -LANES;
    if (vector && whole > 0) {
      VectorTotals.squares(x, whole, center, lanes);
    } else {
      Arrays.fill(lanes, 0);
      addSquares(x, center, 0, whole, LANES);
      fold(lanes);
    }
    addSquares(x, center, whole, n, LEFT);
    return total(lanes);
  }

  private void addSquares(long x, float center, int from, int to, int count) {
    for (int i = from; i < to; i++) {
      float d = Memory.getFloat(x + 4L * i) - center;
      lanes[i % count] += d * d;
    }
  }

  /**
   * With {@code g = y weight}: the sum of g; that of {@code g (x - center)} is {@link #product}.
   *
   * @param weight address of weights, or 0 for none
   */
  double products(long x, long y, long weight, int n, float center) {
    int whole = n & -LANES;
    if (!vector || whole == 0) {
      Arrays.fill(lanes, 0);
      Arrays.fill(second, 0);
      addProducts(x, y, weight, center, 0, whole, LANES);
      fold(lanes);
      fold(second);
    } else if (weight == 0) {
      VectorTotals.products(x, y, whole, center, lanes, second);
    } else {
      VectorTotals.weighted(x, y, weight, whole, center, lanes, second);
    }
    addProducts(x, y, weight, center, whole, n, LEFT);
    product = total(second);
    return total(lanes);
  }

  private void addProducts(long x, long y, long weight, float center, int from, int to, int count) {
    for (int i = from; i < to; i++) {
      float g = Memory.getFloat(y + 4L * i);
      g = weight == 0 ? g : g * Memory.getFloat(weight + 4L * i);
      lanes[i % count] += g;
      second[i % count] += g * (Memory.getFloat(x + 4L * i) - center);
    }
  }

  double product() {
    return product;
  }

  private static void fold(float[] lanes) {
    for (int l = 0; l < LEFT; l++) {
      lanes[l] = lanes[l] + lanes[l + LEFT] + (lanes[l + 2 * LEFT] + lanes[l + 3 * LEFT]);
    }
  }

  private static double total(float[] lanes) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    for (int l = 0; l < LEFT; l += 4) {
      s0 += lanes[l];
      s1 += lanes[l + 1];
      s2 += lanes[l + 2];
      s3 += lanes[l + 3];
    }
    return s0 + s1 + (s2 + s3);
  }
}
