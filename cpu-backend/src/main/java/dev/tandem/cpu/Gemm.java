package dev.tandem.cpu;

import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * {@code C [m, n] (+)= A [m, k] * B [k, n]} for one matrix, C row after row. Addresses and leading dimensions are in
 * bytes.
 *
 * <p>The sum over k falls into blocks of at most {@link #DEPTH}; an element's rounding depends on k and the way chosen
 * by the size of the whole problem, never on the tile or the chunk it falls into, so the work may be cut anywhere.
 *
 * @param aColumn whether A lies column after column, {@code lda} apart, instead of row after row
 * @param bColumn likewise for B
 */
record Gemm(int m, int n, int k, boolean aColumn, long lda, boolean bColumn, long ldb, long ldc, boolean accumulate) {
  /** Depth of a packed block: a panel of B (64 KiB with 512-bit vectors) stays in the first-level cache. */
  static final int DEPTH = 512;
  /** Columns of B, and rows of A, packed at a time: bounds the workspace to 8 MiB each. */
  private static final int SPAN = 4096;
  /** Rows of a chunk: of A, 240 x 512 floats stay in the second-level cache while panels of B go by. */
  private static final int CHUNK_ROWS = 240;
  /** Multiplications that are worth a chunk (64 cubed, about 2 µs); a smaller product is not shared. */
  private static final long CHUNK_WORK = 1 << 18;
  private static final int MOST_CHUNKS = 64;
  /** Numbers to pack that are worth a chunk. */
  private static final long PACKING_WORK = 1 << 15;
  /** Below 64 x 64 numbers, or for so few rows, B is read in place. */
  private static final long SMALL_B = 64 * 64;
  private static final int FEW_ROWS = 24;
  /** For so few columns packing A does not pay. */
  private static final int FEW_COLUMNS = 64;
  /** A column-major A whose columns span more than this is packed: its rows fall into too many pages and cache sets. */
  private static final long SPREAD = 32768;
  /** Most rows of a product that is computed transposed. */
  private static final int TRANSPOSED_ROWS = 256;

  /** Runs on the team, or on this thread alone if there is none. */
  void run(long a, long b, long c, @Nullable Team team) {
    if (computeTransposed()) {
      runTransposed(a, b, c, team);
    } else {
      runDirect(a, b, c, team);
    }
  }

  /**
   * Whether {@code C^T = B * A^T} is cheaper: B, stored as n rows of k, is then read in place and only A and C are
   * transposed (measured for 128 x 512 x 784: as fast as OpenBLAS; with B transposed while packing 0.84).
   */
  private boolean computeTransposed() {
    return bColumn && m <= TRANSPOSED_ROWS && (aColumn || (long) m * ((long) k + n) < (long) n * k * 4 / 5);
  }

  static void parallel(@Nullable Team team, int count, Team.Body body) {
    if (team != null) {
      team.run(count, body);
      return;
    }
    for (int i = 0; i < count; i++) {
      body.run(0, i);
    }
  }

  /** Where part {@code i} of {@code parts} nearly equal ones of {@code whole} begins. */
  static int cut(int whole, int parts, int i) {
    return (int) ((long) whole * i / parts);
  }

  /** How many blocks the sum over k falls into. */
  static int blocks(int k) {
    // With k = 0 one empty block writes the zeros.
    return (int) Math.max(1, ((long) k + DEPTH - 1) / DEPTH);
  }

  private void runDirect(long a, long b, long c, @Nullable Team team) {
    boolean packB = bColumn || (long) n * k > SMALL_B && m > FEW_ROWS;
    int blocks = blocks(k);
    for (int first = 0; first < n; first += SPAN) {
      int columns = Math.min(SPAN, n - first);
      for (int q = 0; q < blocks; q++) {
        int p = cut(k, blocks, q);
        int depth = cut(k, blocks, q + 1) - p;
        long bAt = b + (bColumn ? first * ldb + 4L * p : p * ldb + 4L * first);
        if (packB) {
          bAt = packRight(bAt, columns, depth, team);
        }
        boolean packA = aColumn && columns > FEW_COLUMNS && lda * depth > SPREAD;
        int height = packA ? SPAN : m;
        for (int top = 0; top < m; top += height) {
          int rows = Math.min(height, m - top);
          long aAt = a + (aColumn ? p * lda + 4L * top : 4L * p);
          Block block =
              new Block(rows, columns, depth, packA ? packLeft(aAt, rows, depth, team) : aAt, aColumn ? 4 : lda,
                  packA ? 4L * Tiles.ROWS : lda, aColumn, packA ? leftPanel(depth) : 0, bAt, packB, ldb,
                  c + top * ldc + 4L * first, ldc,
                  accumulate || q > 0);
          block.run(team);
        }
      }
    }
  }

  private long packRight(long b, int columns, int depth, @Nullable Team team) {
    long to = Workspace.floats(Workspace.Slot.RIGHT_PANELS, (long) Panels.padded(columns) * depth);
    eachPanel(Panels.count(columns), (long) columns * depth, team,
        i -> Panels.pack(bColumn, b, ldb, depth, columns, i, to));
    return to;
  }

  /**
   * Bytes of a packed panel of rows. It is copied in whole vectors; the spare room keeps the last ones out of the next
   * panel.
   */
  private static long leftPanel(int depth) {
    return 4L * Tiles.ROWS * depth + Memory.ALIGNMENT;
  }

  private long packLeft(long a, int rows, int depth, @Nullable Team team) {
    int panels = (rows + Tiles.ROWS - 1) / Tiles.ROWS;
    long to = Workspace.floats(Workspace.Slot.LEFT_PANELS, leftPanel(depth) / 4 * panels);
    eachPanel(panels, (long) rows * depth, team,
        i -> Panels.copyRows(a + 4L * cut(rows, panels, i), lda, to + i * leftPanel(depth),
            4L * Tiles.ROWS, depth, Tiles.ROWS));
    return to;
  }

  /** Packs every panel; {@code work} is how many numbers they have. */
  static void eachPanel(int panels, long work, @Nullable Team team, IntConsumer pack) {
    int parts = Math.clamp(work / PACKING_WORK, 1, Math.min(panels, MOST_CHUNKS));
    parallel(team, parts, (worker, part) -> {
      for (int i = cut(panels, parts, part); i < cut(panels, parts, part + 1); i++) {
        pack.accept(i);
      }
    });
  }

  private void runTransposed(long a, long b, long c, @Nullable Team team) {
    int width = Panels.padded(m);
    long toA = Workspace.floats(Workspace.Slot.LEFT_PANELS, PackedMatrix.floats(k, m));
    PackedMatrix packed = new PackedMatrix(k, m, toA);
    packed.pack(!aColumn, a, lda, team);
    PackedMatrix right = packed.padded();
    // Columns of C in a chunk: their transposed product stays in the second-level cache.
    int span = Math.clamp(32768 / width & ~15, 16, 128);
    Tiles.warmUp(false, Math.min(span, n), Tiles.vectors(Math.min(width, Tiles.WIDTH)), (long) m * n * k);
    parallel(team, (n + span - 1) / span, (worker, chunk) -> {
      int j = chunk * span;
      int columns = Math.min(span, n - j);
      long product = Workspace.floats(Workspace.Slot.TRANSPOSED, 2L * span * width);
      right.multiply(columns, b + j * ldb, ldb, 0, Panels.count(width), product, 4L * width, false);
      if (accumulate) {
        long turned = product + 4L * span * width;
        Panels.transpose(product, 4L * width, turned, 4L * span, m, columns, false);
        Panels.store(turned, 4L * span, c + 4L * j, ldc, m, columns, true);
      } else {
        Panels.transpose(product, 4L * width, c + 4L * j, ldc, m, columns, false);
      }
    });
  }

  /**
   * A product of one block of k, operands where the tiles read them.
   *
   * @param aRow bytes between rows of A; unused when A is packed
   * @param aColumn the layout of A that the tiles expect
   * @param aPanel bytes between packed row panels of A; 0 when A is read in place
   * @param ldb bytes between rows of B; unused when B is packed
   */
  record Block(int rows, int columns, int depth, long a, long aRow, long aInner, boolean aColumn, long aPanel,
      long b, boolean bPacked,
      long ldb, long c, long ldc, boolean accumulate) {
    int rowPanels() {
      int tallest = Tiles.rows(Tiles.vectors(Math.min(columns, Tiles.WIDTH)));
      return (int) (((long) rows + tallest - 1) / tallest);
    }

    void run(@Nullable Team team) {
      int rowPanels = rowPanels();
      int columnPanels = Panels.count(columns);
      if (rowPanels == 0) {
        return;
      }
      long work = (long) rows * columns * Math.max(1, depth);
      Tiles.warmUp(aColumn, rows, Tiles.vectors(Math.min(columns, Tiles.WIDTH)), work);
      int wanted = Math.clamp(work / CHUNK_WORK, 1, MOST_CHUNKS);
      int acrossColumns = Math.min(wanted, Math.min(columnPanels, 16));
      int acrossRows = Math.max((int) (((long) rows + CHUNK_ROWS - 1) / CHUNK_ROWS),
          Math.min((wanted + acrossColumns - 1) / acrossColumns, Math.max(1, rowPanels / 8)));
      // Neighbouring chunks share their rows of A, which so stay in the second-level cache.
      parallel(team, acrossRows * acrossColumns, (worker, chunk) -> {
        int r = chunk / acrossColumns;
        int s = chunk % acrossColumns;
        tiles(rowPanels, cut(rowPanels, acrossRows, r), cut(rowPanels, acrossRows, r + 1),
            cut(columnPanels, acrossColumns, s),
            cut(columnPanels, acrossColumns, s + 1));
      });
    }

    /** The tiles of some of the row panels and some of the column panels, on this thread. */
    void tiles(int rowPanels, int fromRow, int toRow, int fromColumn, int toColumn) {
      long edge = Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
      for (int s = fromColumn; s < toColumn; s++) {
        int j = s * Tiles.WIDTH;
        int cols = Math.min(Tiles.WIDTH, columns - j);
        int vectors = Tiles.vectors(cols);
        long width = 4L * vectors * Tiles.LANES;
        long bAt = bPacked ? b + 4L * j * depth : b + 4L * j;
        long bInner = bPacked ? width : ldb;
        for (int r = fromRow; r < toRow; r++) {
          int i = cut(rows, rowPanels, r);
          int height = cut(rows, rowPanels, r + 1) - i;
          long aAt = aPanel == 0 ? a + i * aRow : a + r * aPanel;
          long cAt = c + i * ldc + 4L * j;
          TileKernel kernel = Tiles.get(aColumn, height, vectors);
          if (4L * cols == width) {
            kernel.run(1, depth, aAt, aRow, aInner, 0, bAt, bInner, 0, cAt, ldc, accumulate);
          } else {
            kernel.run(1, depth, aAt, aRow, aInner, 0, bAt, bInner, 0, edge, width, false);
            Panels.store(edge, width, cAt, ldc, height, cols, accumulate);
          }
        }
      }
    }
  }
}
