package dev.tandem.cpu;

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

  /** @param vector whether vector instructions may be used */
  ColumnTotals(int columns, boolean vector) {
    this.columns = columns;
    this.vector = vector && VectorFolds.FITS;
    block = new float[columns];
  }

  /** Has the vector loops for so many columns compiled. */
  static void warmUp(int columns) {
    if (Lanes.AVAILABLE) {
      WarmUp.await(VectorColumns.WARM_UPS);
      VectorFolds.warmUpOfSums(columns).await();
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
      flush(to, at);
    }
  }

  /** Adds the sums of {@code (x - center)²}, one center for each column. */
  void addSquares(long x, long rowBytes, int rows, float[] center, double[] to, int at) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long from = x + r * rowBytes;
      int whole = vector ? VectorColumns.squares(from, rowBytes, n, columns, center, block) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
          float d = Memory.getFloat(from + i * rowBytes + 4L * j) - center[j];
          sum += d * d;
        }
        block[j] = sum;
      }
      flush(to, at);
    }
  }

  /** Adds the sums of {@code (x - center) y}, one center for each column. */
  void addProducts(long x, long xRow, long y, long yRow, int rows, float[] center, double[] to, int at) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long f = x + r * xRow;
      long g = y + r * yRow;
      int whole = vector ? VectorColumns.products(f, xRow, g, yRow, n, columns, center, block) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
          sum += (Memory.getFloat(f + i * xRow + 4L * j) - center[j]) * Memory.getFloat(g + i * yRow + 4L * j);
        }
        block[j] = sum;
      }
      flush(to, at);
    }
  }

  /** Adds the sums of {@code (x - center) factor y}, one center and one factor for each row. */
  void addScaledProducts(long x, long xRow, long y, long yRow, int rows, float[] centers, float[] factors,
      double[] to) {
    for (int r = 0; r < rows; r += ROWS) {
      int n = Math.min(ROWS, rows - r);
      long f = x + r * xRow;
      long g = y + r * yRow;
      int whole = vector ? VectorColumns.scaledProducts(f, xRow, g, yRow, n, columns, centers, factors, r, block) : 0;
      for (int j = whole; j < columns; j++) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
          float d = Memory.getFloat(f + i * xRow + 4L * j) - centers[r + i];
          sum += d * factors[r + i] * Memory.getFloat(g + i * yRow + 4L * j);
        }
        block[j] = sum;
      }
      flush(to, 0);
    }
  }

  private void flush(double[] to, int at) {
    for (int j = 0; j < columns; j++) {
      to[at + j] += block[j];
    }
  }
}
