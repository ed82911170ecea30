package dev.tandem.cpu;

/**
 * Transposes without vector instructions: what is no block of {@link VectorMoves}, and everything while that is not
 * compiled. Addresses and leading dimensions are in bytes.
 */
final class ScalarTranspose {
  /** Of a block in an array: so many that most images and panels are one, which takes the fewest copies. */
  private static final int FLOATS = 1 << 14;
  /** Columns of a block, if there are so many. */
  private static final int COLUMNS = 128;
  /** Read at a time where numbers are moved by themselves: a line of each is in the first-level cache. */
  private static final int ROWS = 256;
  /** Floats for every copy between memory and arrays that are worth it: few are faster by themselves once compiled. */
  private static final int WORTH_A_COPY = 8;

  private ScalarTranspose() {
  }

  /** {@code to[k][i] = from[i][k]} for {@code i < n, k < rows}. */
  static void run(long from, long ld, long to, long lt, int rows, int n) {
    boolean denseSource = ld == 4L * rows;
    boolean denseTarget = lt == 4L * n;
    int copies = (denseSource ? 1 : n) + (denseTarget ? 1 : rows);
    if ((long) rows * n < (long) WORTH_A_COPY * copies) {
      byElement(from, ld, to, lt, rows, n);
      return;
    }
    int columns = Math.min(rows, Math.max(COLUMNS, FLOATS / n));
    int tall = Math.min(n, FLOATS / columns);
    float[] block = Workspace.array(Workspace.Slot.TRANSPOSED_BLOCK, FLOATS);
    float[] turned = Workspace.array(Workspace.Slot.TRANSPOSED, FLOATS);
    for (int i = 0; i < n; i += tall) {
      int height = Math.min(tall, n - i);
      for (int k = 0; k < rows; k += columns) {
        int width = Math.min(columns, rows - k);
        load(from + i * ld + 4L * k, ld, height, width, block);
        for (int c = 0; c < width; c++) {
          gather(block, c, width, turned, c * height, height);
        }
        store(turned, to + k * lt + 4L * i, lt, width, height);
      }
    }
  }

  private static void gather(float[] from, int first, int step, float[] to, int at, int n) {
    int f = first;
    for (int i = at; i < at + n; i++) {
      to[i] = from[f];
      f += step;
    }
  }

  private static void load(long from, long ld, int rows, int width, float[] to) {
    boolean dense = ld == 4L * width;
    for (int r = 0; r < (dense ? 1 : rows); r++) {
      Memory.getFloats(from + r * ld, to, r * width, dense ? rows * width : width);
    }
  }

  private static void store(float[] from, long to, long lt, int rows, int width) {
    boolean dense = lt == 4L * width;
    for (int r = 0; r < (dense ? 1 : rows); r++) {
      Memory.setFloats(to + r * lt, from, r * width, dense ? rows * width : width);
    }
  }

  private static void byElement(long from, long ld, long to, long lt, int rows, int n) {
    for (int first = 0; first < n; first += ROWS) {
      int end = Math.min(n, first + ROWS);
      for (int k = 0; k < rows; k++) {
        for (int i = first; i < end; i++) {
          Memory.setFloat(to + k * lt + 4L * i, Memory.getFloat(from + i * ld + 4L * k));
        }
      }
    }
  }
}
