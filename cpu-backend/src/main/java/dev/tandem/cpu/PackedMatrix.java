package dev.tandem.cpu;

import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The right operand {@code B [k, n]} of products, packed once for all of them: its panels, one block of k of {@link Gemm} after the
 * other.
 *
 * @param address of {@link #floats} floats, and a margin of a vector
 */
record PackedMatrix(int k, int n, long address) {
  static long floats(int k, int n) {
    return (long) Panels.padded(n) * k;
  }

  /** The same memory as a matrix of whole vectors; what its last columns hold is not said. */
  PackedMatrix padded() {
    return new PackedMatrix(k, Panels.padded(n), address);
  }

  /**
   * Fills the memory.
   *
   * @param column whether B lies column after column, {@code ld} bytes apart, instead of row after row
   */
  void pack(boolean column, long from, long ld, @Nullable Team team) {
    pack(column, from, ld, 0, k, team);
  }

  /** Fills {@code rows} of the k rows, from {@code row} on, with another matrix. */
  void pack(boolean column, long from, long ld, int row, int rows, @Nullable Team team) {
    int blocks = Gemm.blocks(k);
    Gemm.eachPanel(Panels.count(n), floats(rows, n), team, new IntConsumer() {
      @Override
      public void accept(int i) {
        int j = i * Tiles.WIDTH;
        int line = 4 * Tiles.LANES * Tiles.vectors(Math.min(Tiles.WIDTH, n - j));
        for (int q = 0; q < blocks; q++) {
          int p = Gemm.cut(k, blocks, q);
          int end = Gemm.cut(k, blocks, q + 1);
          int first = Math.max(p, row);
          int count = Math.min(end, row + rows) - first;
          if (count > 0) {
            int skipped = first - row;
            // Panels.pack finds a panel by the rows that it fills itself.
            Panels.pack(column, from + (column ? 4L * skipped : skipped * ld), ld, count, n, i,
                block(p) + 4L * j * (end - p - count) + (long) line * (first - p));
          }
        }
      }
    });
  }

  private long block(int p) {
    return address + 4L * p * Panels.padded(n);
  }

  /** The columns of C in panels {@code from} to {@code to}, C and A row after row: {@code C (+)= A [rows, k] * B}. */
  void multiply(int rows, long a, long lda, int from, int to, long c, long ldc, boolean accumulate) {
    int blocks = Gemm.blocks(k);
    for (int q = 0; q < blocks; q++) {
      int p = Gemm.cut(k, blocks, q);
      Gemm.Block block = new Gemm.Block(rows, n, Gemm.cut(k, blocks, q + 1) - p, a + 4L * p, lda, 4, false, 0,
          block(p), true, 0, c, ldc, accumulate || q > 0);
      int rowPanels = block.rowPanels();
      block.tiles(rowPanels, 0, rowPanels, from, to);
    }
  }
}
