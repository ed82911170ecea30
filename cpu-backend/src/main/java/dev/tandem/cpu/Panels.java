package dev.tandem.cpu;

/**
 * Moves matrices into the order in which {@link TileKernel}s read them, and tiles out again. Addresses and leading
 * dimensions are in bytes, counts in floats. Nothing takes a mask: reads may run over the end of a row by less than a
 * vector, which every storage and workspace has a margin for, and writes do so only where said.
 */
final class Panels {
  /** Square blocks that {@link VectorMoves} transposes in registers; 0 if there is none for this vector width. */
  private static final int BLOCK = Lanes.AVAILABLE && (Tiles.LANES == 16 || Tiles.LANES == 8) ? Tiles.LANES : 0;
  /** Floats that are copied to an array at once. */
  private static final int COPIED = 1024;

  private Panels() {
  }

  /** How many panels {@code columns} need. */
  static int count(int columns) {
    return (int) (((long) columns + Tiles.WIDTH - 1) / Tiles.WIDTH);
  }

  /** Columns rounded up to whole vectors: the room that the panels of a matrix take in each row. */
  static int padded(int columns) {
    return (columns + Tiles.LANES - 1) / Tiles.LANES * Tiles.LANES;
  }

  /**
   * Packs panel {@code panel} of a matrix of {@code rows} x {@code columns} as [rows][one or two vectors]. The panels
   * lie one after the other; columns beyond the last hold anything.
   *
   * @param transposed whether the matrix lies column after column, {@code ld} apart, instead of row after row
   */
  static void pack(boolean transposed, long from, long ld, int rows, int columns, int panel, long to) {
    int j = panel * Tiles.WIDTH;
    int cols = Math.min(Tiles.WIDTH, columns - j);
    int width = Tiles.vectors(cols) * Tiles.LANES;
    long t = to + 4L * j * rows;
    if (transposed) {
      transpose(from + j * ld, ld, t, 4L * width, rows, cols, true);
    } else {
      copyRows(from + 4L * j, ld, t, 4L * width, rows, width);
    }
  }

  /**
   * {@code to[r][j] = from[r][j]} in whole vectors: up to a vector less one float is read and written beyond {@code
   * width}.
   */
  static void copyRows(long from, long ld, long to, long lt, int rows, int width) {
    if (Lanes.AVAILABLE && PanelsWarmUp.copies(rows, width)) {
      VectorMoves.copyRows(from, ld, to, lt, rows, width);
      return;
    }
    for (int r = 0; r < rows; r++) {
      Memory.copy(from + r * ld, to + r * lt, 4L * width);
    }
  }

  /** {@code to[r][j] (+)= from[r][j]} for exactly {@code cols} columns. */
  static void store(long from, long ld, long to, long lt, int rows, int cols, boolean add) {
    if (Lanes.AVAILABLE && (add ? PanelsWarmUp.sums(rows, cols) : PanelsWarmUp.copies(rows, cols))) {
      VectorMoves.store(from, ld, to, lt, rows, cols, add);
      return;
    }
    if (!add) {
      for (int r = 0; r < rows; r++) {
        Memory.copy(from + r * ld, to + r * lt, 4L * cols);
      }
      return;
    }
    for (int r = 0; r < rows; r++) {
      addRow(from + r * ld, to + r * lt, cols);
    }
  }

  /**
   * Adds rows of {@code cols} floats to others. The r-th pair has the number {@code n = numbers[first + r]}: one is at
   * {@code from + n * fromNumber + r * fromRow}, the other, which becomes the sum, at {@code to + n * toNumber + r * toRow}.
   */
  static void addRows(long from, long fromNumber, long fromRow, long to, long toNumber, long toRow, int[] numbers,
      int first, int rows, int cols) {
    if (Lanes.AVAILABLE && cols == Tiles.WIDTH && PanelsWarmUp.addsNumbered(rows)) {
      VectorMoves.addRows(from, fromNumber, fromRow, to, toNumber, toRow, numbers, first, rows);
      return;
    }
    for (int r = 0; r < rows; r++) {
      int n = numbers[first + r];
      addRow(from + n * fromNumber + r * fromRow, to + n * toNumber + r * toRow, cols);
    }
  }

  /** In arrays: numbers one by one take long until C2 has compiled the loop. */
  private static void addRow(long from, long to, int cols) {
    float[] added = Workspace.array(Workspace.Slot.TILE, COPIED);
    float[] sums = Workspace.array(Workspace.Slot.ROWS, COPIED);
    for (int j = 0; j < cols; j += COPIED) {
      int n = Math.min(COPIED, cols - j);
      Memory.getFloats(from + 4L * j, added, 0, n);
      Memory.getFloats(to + 4L * j, sums, 0, n);
      add(added, sums, n);
      Memory.setFloats(to + 4L * j, sums, 0, n);
    }
  }

  private static void add(float[] from, float[] to, int n) {
    for (int i = 0; i < n; i++) {
      to[i] += from[i];
    }
  }

  /**
   * {@code to[k][i] = from[i][k]} for {@code i < n, k < rows}.
   *
   * @param padded whether rows of {@code to} have room for n rounded up to whole vectors, which then hold anything
   */
  static void transpose(long from, long ld, long to, long lt, int rows, int n, boolean padded) {
    if (BLOCK == 0 || rows < BLOCK || n < BLOCK && !padded || !PanelsWarmUp.transposes(rows, n)) {
      ScalarTranspose.run(from, ld, to, lt, rows, n);
      return;
    }
    long scratch = Workspace.floats(Workspace.Slot.TRANSPOSED_BLOCK, (long) BLOCK * BLOCK);
    for (int i = 0; i < n; i += BLOCK) {
      // A last block that does not fit overlaps its neighbour, or where there is room repeats the last row.
      int first = padded ? i : Math.min(i, n - BLOCK);
      for (int k = 0; k < rows; k += BLOCK) {
        int at = Math.min(k, rows - BLOCK);
        long f = from + first * ld + 4L * at;
        long t = to + at * lt + 4L * first;
        VectorMoves.transpose(f, ld, t, lt, n - first, scratch);
      }
    }
  }

  /**
   * {@code to[i][j] (+)= from[i][j]} with any strides (in bytes) on both sides; uses the faster ways where the strides
   * allow them.
   */
  static void move(long from, long fromRow, long fromColumn, long to, long toRow, long toColumn, int rows, int cols,
      boolean add) {
    if (fromColumn == 4 && toColumn == 4) {
      store(from, fromRow, to, toRow, rows, cols, add);
    } else if (!add && fromColumn == 4 && toRow == 4) {
      transpose(from, fromRow, to, toColumn, cols, rows, false);
    } else if (!add && fromRow == 4 && toColumn == 4) {
      transpose(from, fromColumn, to, toRow, rows, cols, false);
    } else {
      for (int i = 0; i < rows; i++) {
        long f = from + i * fromRow;
        long t = to + i * toRow;
        for (int j = 0; j < cols; j++) {
          float v = Memory.getFloat(f);
          Memory.setFloat(t, add ? v + Memory.getFloat(t) : v);
          f += fromColumn;
          t += toColumn;
        }
      }
    }
  }
}
