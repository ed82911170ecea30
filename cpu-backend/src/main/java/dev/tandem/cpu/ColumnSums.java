package dev.tandem.cpu;

import dev.tandem.core.op.Reduce;

/** Sums of the columns of a dense matrix. */
final class ColumnSums {
  /** Rows that are added in single precision. */
  static final int ROWS = 64;
  /** Columns of a chunk. */
  private static final int COLUMNS = 256;

  private ColumnSums() {
  }

  static void run(long from, int rows, int columns, long to, Team team) {
    Fold sum = Fold.of(Reduce.Kind.SUM, true, Lanes.AVAILABLE);
    long rowBytes = 4L * columns;
    Team.Body body = (worker, chunk) -> {
      int j = chunk * COLUMNS;
      int n = Math.min(COLUMNS, columns - j);
      Fold.Accumulator a = new Fold.Accumulator(n, Lanes.AVAILABLE);
      sum.clear(a, n);
      add(sum, a, from + 4L * j, rowBytes, rows, n);
      for (int i = 0; i < n; i++) {
        Memory.setFloat(to + 4L * (j + i), (float) sum.result(a, i));
      }
    };
    int chunks = (columns + COLUMNS - 1) / COLUMNS;
    Gemm.parallel(Chunks.isSmall((long) rows * columns, 1) ? null : team, chunks, body);
  }

  /**
   * Adds rows to {@code n} sums, on this thread alone.
   *
   * @param sum a {@link Reduce.Kind#SUM} of columns
   */
  static void add(Fold sum, Fold.Accumulator a, long from, long rowBytes, int rows, int n) {
    for (int r = 0; r < rows; r += ROWS) {
      sum.columns(a, from + r * rowBytes, rowBytes, Math.min(ROWS, rows - r), n, r);
    }
  }
}
