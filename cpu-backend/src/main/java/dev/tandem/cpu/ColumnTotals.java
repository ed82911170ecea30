package dev.tandem.cpu;

import java.util.List;

/**
 * Sums over the rows of a matrix, column by column: in single precision over {@link #ROWS} rows, then in double. Matrices are dense
 * along their rows. Scalar and vector code give the same bits.
 */
final class ColumnTotals {
  /** Rows that are added in single precision. */
  private static final int ROWS = ColumnSums.ROWS;

  private final boolean vector;
  private final int columns;
  private final float[] block;
  private final float[] second;

  /** @param vector whether vector instructions may be used */
  ColumnTotals(int columns, boolean vector) {
    this.columns = columns;
    this.vector = vector && VectorFolds.FITS;
    block = new float[columns];
    second = new float[columns];
  }

  /** Has the vector loops of {@link #add} and {@link #addDeviations} for so many columns compiled. */
  static void warmUp(int columns) {
    if (Lanes.AVAILABLE) {
      WarmUp.await(List.of(VectorColumns.DEVIATIONS, VectorFolds.warmUpOfSums(columns)));
    }
  }

  /** Has the vector loops of {@link #addProducts} compiled. */
  static void warmUpOfProducts() {
    if (Lanes.AVAILABLE) {
      VectorColumns.PRODUCTS.await();
    }
  }

  /** Has the vector loops of {@link #addScaledProducts} compiled. */
  static void warmUpOfScaledProducts() {
    if (Lanes.AVAILABLE) {
      VectorColumns.SCALED_PRODUCTS.await();
    }
  }

  /** Adds the sums of {@code x} to {@code to[at...]}. */
  void add(long x, long rowBytes, int rows, double[] to, int at) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long from = x + r * rowBytes;
      int whole = vector ? VectorFolds.sumColumns(from, rowBytes, n, columns, block) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
          sum += Memory.getFloat(from + i * rowBytes + 4L * j);
        }
        block[j] = sum;
      }
      flush(block, to, at);
    }
  }

  /** Adds the sums of {@code x - center} to {@code sums[at...]}, and those of their squares, one center for each column. */
  void addDeviations(long x, long rowBytes, int rows, float[] center, double[] sums, double[] squares, int at) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long from = x + r * rowBytes;
      int whole = vector ? VectorColumns.deviations(from, rowBytes, n, columns, center, block, second) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        float square = 0;
        for (int i = 0; i < n; i++) {
          float d = Memory.getFloat(from + i * rowBytes + 4L * j) - center[j];
          sum += d;
          square += d * d;
        }
        block[j] = sum;
        second[j] = square;
      }
      flush(block, sums, at);
      flush(second, squares, at);
    }
  }

  /** Adds the sums of {@code y} to {@code sums[at...]}, and those of {@code (x - center) y}, one center for each column. */
  void addProducts(long x, long xRow, long y, long yRow, int rows, float[] center, double[] sums, double[] products,
      int at) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long f = x + r * xRow;
      long g = y + r * yRow;
      int whole = vector ? VectorColumns.products(f, xRow, g, yRow, n, columns, center, block, second) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        float product = 0;
        for (int i = 0; i < n; i++) {
          float v = Memory.getFloat(g + i * yRow + 4L * j);
          sum += v;
          product += (Memory.getFloat(f + i * xRow + 4L * j) - center[j]) * v;
        }
        block[j] = sum;
        second[j] = product;
      }
      flush(block, sums, at);
      flush(second, products, at);
    }
  }

  /**
   * Adds the sums of {@code y} to {@code sums}, and those of {@code (x - center) factor y}, one center and one factor for each row.
   */
  void addScaledProducts(long x, long xRow, long y, long yRow, int rows, float[] centers, float[] factors,
      double[] sums, double[] products) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long f = x + r * xRow;
      long g = y + r * yRow;
      int whole = vector
          ? VectorColumns.scaledProducts(f, xRow, g, yRow, n, columns, centers, factors, r, block, second)
          : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        float product = 0;
        for (int i = 0; i < n; i++) {
          float v = Memory.getFloat(g + i * yRow + 4L * j);
          float d = Memory.getFloat(f + i * xRow + 4L * j) - centers[r + i];
          sum += v;
          product += d * factors[r + i] * v;
        }
        block[j] = sum;
        second[j] = product;
      }
      flush(block, sums, 0);
      flush(second, products, 0);
    }
  }

  private void flush(float[] from, double[] to, int at) {
    for (int j = 0; j < columns; j++) {
      to[at + j] += from[j];
    }
  }
}
