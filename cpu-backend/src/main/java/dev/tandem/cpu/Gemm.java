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
  private static final long PACKING_WORK = 1 << 13;
  /** Below 64 x 64 numbers, or for so few rows, B is read in place. */
  private static final long SMALL_B = 64 * 64;
  private static final int FEW_ROWS = 24;
  /** For so few columns packing A does not pay. */
  private static final int FEW_COLUMNS = 64;
  /** Numbers of an A that stays in the second-level cache (512 KiB of it) while column panels of B and C go by. */
  private static final int RESIDENT = 1 << 17;
  /** Panels of columns that threads can share without waiting long for the last. */
  private static final int MANY_PANELS = 8;
  /** A column-major A whose columns span more than this is packed: its rows fall into too many pages and cache sets. */
  private static final long SPREAD = 32768;
  /**
   * A row-major A whose rows are so far apart is copied for so many columns: at powers of two its rows share a few cache sets (measured
   * for 1024 and 2048 cubed: 2 to 6 % faster).
   */
  private static final long FAR_ROWS = 4096;
  private static final int MANY_COLUMNS = 512;
  /** Most rows of a product that is computed transposed. */
  private static final int TRANSPOSED_ROWS = 256;
  /** The same for a product with few columns; it bounds the workspace. */
  private static final int NARROW_ROWS = 1 << 16;

  /** Runs on the team, or on this thread alone if there is none. */
  void run(long a, long b, long c, @Nullable Team team) {
    if (isNarrow()) {
      runNarrow(a, b, c, team);
    } else if (computeTransposed()) {
      runTransposed(a, b, c, team);
    } else if (isShort()) {
      runByColumns(a, b, c, team);
    } else {
      runDirect(a, b, c, team);
    }
  }

  /**
   * Whether {@code C^T = B * A^T} is cheaper: B, stored as n rows of k, is then read in place and only A and C are
   * transposed (measured for 128 x 512 x 784: as fast as OpenBLAS; with B transposed while packing 0.84).
   */
  private boolean computeTransposed() {
    long moved = aColumn ? (long) m * ((long) k / 4 + n) : (long) m * ((long) k + n) * 5 / 4;
    return bColumn && m <= TRANSPOSED_ROWS && moved < (long) n * k;
  }

  /**
   * Whether C has so few columns that rows of tiles would be mostly empty, while the rows of {@code C^T = B^T * A^T} are
   * vectors of A as it lies (measured for 128 x 10 x 512: 113 GFLOP/s with rows of tiles, 201 this way).
   */
  private boolean isNarrow() {
    return aColumn && n > 1 && n < Tiles.LANES && m >= Tiles.WIDTH && m <= NARROW_ROWS;
  }

  /**
   * Whether A is so small that every panel of B meets all of it at once. A panel is then packed by the thread that
   * multiplies it, just before it does: nothing of B goes from one core to another, and nobody waits until all is packed
   * (measured on two threads: 64 x 512 x 784 404 GFLOP/s instead of 232, 128 x 512 x 784 434 instead of 318, and with A
   * by columns 376 instead of 256).
   */
  private boolean isShort() {
    return packsRight() && (long) m * k <= RESIDENT && Panels.count(n) >= MANY_PANELS;
  }

  private boolean packsRight() {
    return bColumn || (long) n * k > SMALL_B && m > FEW_ROWS;
  }

  private boolean packsLeft(int columns, int depth) {
    return aColumn ? columns > FEW_COLUMNS && lda * depth > SPREAD : columns >= MANY_COLUMNS && lda >= FAR_ROWS;
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
    boolean packB = packsRight();
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
        boolean packA = packsLeft(columns, depth);
        int height = packA ? SPAN : m;
        for (int top = 0; top < m; top += height) {
          int rows = Math.min(height, m - top);
          long aAt = a + (aColumn ? p * lda + 4L * top : top * lda + 4L * p);
          if (packA) {
            aAt = aColumn ? packLeft(aAt, rows, depth, team) : copyLeft(aAt, rows, depth, team);
          }
          block(rows, columns, depth, aAt, packA, bAt, packB, c + top * ldc + 4L * first, accumulate || q > 0)
              .run(team);
        }
      }
    }
  }

  /** Of operands that lie as they were given, or in packed panels. */
  private Block block(int rows, int columns, int depth, long a, boolean packedA, long b, boolean packedB, long c,
      boolean add) {
    long row = aColumn ? 4 : packedA ? leftRow(depth) : lda;
    return new Block(rows, columns, depth, a, row, packedA ? 4L * Tiles.ROWS : lda, aColumn,
        aColumn && packedA ? leftPanel(depth) : 0, b, packedB, ldb, c, ldc, add);
  }

  private void runByColumns(long a, long b, long c, @Nullable Team team) {
    int blocks = blocks(k);
    int deepest = (k + blocks - 1) / blocks;
    boolean packA = aColumn && packsLeft(n, deepest);
    long left = packA ? leftPanels(m, deepest, blocks) : a;
    for (int q = 0; packA && q < blocks; q++) {
      int p = cut(k, blocks, q);
      packLeft(a + p * lda, m, cut(k, blocks, q + 1) - p, left + q * leftBytes(m, deepest), team);
    }
    int panels = Panels.count(n);
    int chunks = Math.clamp((long) m * n * k / CHUNK_WORK, 1, Math.min(panels, MOST_CHUNKS));
    Tiles.warmUp(aColumn, m, 2, (long) m * n * k);
    parallel(team, chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        int end = cut(panels, chunks, chunk + 1);
        for (int s = cut(panels, chunks, chunk); s < end; s++) {
          int j = s * Tiles.WIDTH;
          int columns = Math.min(Tiles.WIDTH, n - j);
          long panel = Workspace.floats(Workspace.Slot.RIGHT_PANELS, (long) Tiles.WIDTH * deepest);
          for (int q = 0; q < blocks; q++) {
            int p = cut(k, blocks, q);
            int depth = cut(k, blocks, q + 1) - p;
            Panels.pack(bColumn, b + (bColumn ? j * ldb + 4L * p : p * ldb + 4L * j), ldb, depth, columns, 0, panel);
            long aAt = packA ? left + q * leftBytes(m, deepest) : a + (aColumn ? p * lda : 4L * p);
            // Of all panels only this one is there.
            Block block = block(m, n, depth, aAt, packA, panel - 4L * j * depth, true, c, accumulate || q > 0);
            int rowPanels = block.rowPanels();
            block.tiles(rowPanels, 0, rowPanels, s, s + 1);
          }
        }
      }
    });
  }

  private long packRight(long b, int columns, int depth, @Nullable Team team) {
    long to = Workspace.floats(Workspace.Slot.RIGHT_PANELS, (long) Panels.padded(columns) * depth);
    eachPanel(Panels.count(columns), (long) columns * depth, team,
        new IntConsumer() {
          @Override
          public void accept(int i) {
            Panels.pack(bColumn, b, ldb, depth, columns, i, to);
          }
        });
    return to;
  }

  /**
   * Bytes of a packed panel of rows. It is copied in whole vectors; the spare room keeps the last ones out of the next
   * panel.
   */
  private static long leftPanel(int depth) {
    return 4L * Tiles.ROWS * depth + Memory.ALIGNMENT;
  }

  /** Bytes of a copied row: an odd number of cache lines. */
  private static long leftRow(int depth) {
    return (4L * depth / Memory.ALIGNMENT + 1 | 1) * Memory.ALIGNMENT;
  }

  private static long leftBytes(int rows, int depth) {
    return leftPanel(depth) * ((rows + Tiles.ROWS - 1) / Tiles.ROWS);
  }

  private static long leftPanels(int rows, int depth, int blocks) {
    return Workspace.floats(Workspace.Slot.LEFT_PANELS, leftBytes(rows, depth) / 4 * blocks);
  }

  private long packLeft(long a, int rows, int depth, @Nullable Team team) {
    long to = leftPanels(rows, depth, 1);
    packLeft(a, rows, depth, to, team);
    return to;
  }

  private long copyLeft(long a, int rows, int depth, @Nullable Team team) {
    long row = leftRow(depth);
    long to = Workspace.floats(Workspace.Slot.LEFT_PANELS, row / 4 * rows);
    int parts = Math.clamp((long) rows * depth / PACKING_WORK, 1, Math.min(rows, MOST_CHUNKS));
    parallel(team, parts, new Team.Body() {
      @Override
      public void run(int worker, int part) {
        int first = cut(rows, parts, part);
        Panels.copyRows(a + first * lda, lda, to + first * row, row, cut(rows, parts, part + 1) - first, depth);
      }
    });
    return to;
  }

  private void packLeft(long a, int rows, int depth, long to, @Nullable Team team) {
    int panels = (rows + Tiles.ROWS - 1) / Tiles.ROWS;
    eachPanel(panels, (long) rows * depth, team,
        new IntConsumer() {
          @Override
          public void accept(int i) {
            Panels.copyRows(a + 4L * cut(rows, panels, i), lda, to + i * leftPanel(depth), 4L * Tiles.ROWS, depth,
                Tiles.ROWS);
          }
        });
  }

  /** Packs every panel; {@code work} is how many numbers they have. */
  static void eachPanel(int panels, long work, @Nullable Team team, IntConsumer pack) {
    int parts = Math.clamp(work / PACKING_WORK, 1, Math.min(panels, MOST_CHUNKS));
    parallel(team, parts, new Team.Body() {
      @Override
      public void run(int worker, int part) {
        for (int i = cut(panels, parts, part); i < cut(panels, parts, part + 1); i++) {
          pack.accept(i);
        }
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
    parallel(team, (n + span - 1) / span, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
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
      }
    });
  }

  private void runNarrow(long a, long b, long c, @Nullable Team team) {
    long row = 4L * Panels.padded(m);
    long product = Workspace.floats(Workspace.Slot.TRANSPOSED, row / 4 * n * (accumulate ? 2 : 1));
    new Gemm(n, m, k, !bColumn, ldb, false, lda, row, false).run(b, a, product, team);
    if (accumulate) {
      long turned = product + row * n;
      Panels.transpose(product, row, turned, 4L * n, m, n, false);
      Panels.store(turned, 4L * n, c, ldc, m, n, true);
    } else {
      Panels.transpose(product, row, c, ldc, m, n, false);
    }
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
    /** Vectors of a tile. */
    private int vectors() {
      // B in place comes from the second-level cache, and past tiles as tall as A it comes once (measured for the
      // transposed 128 x 10 x 512: 198 GFLOP/s, with two tiles of five rows 113).
      boolean once = aColumn && aPanel == 0 && !bPacked && rows > Tiles.ROWS && rows <= Tiles.NARROW_ROWS;
      return once ? 1 : Tiles.vectors(Math.min(columns, Tiles.WIDTH));
    }

    int rowPanels() {
      int vectors = vectors();
      int tallest = Tiles.rows(TileKernel.Layout.of(aColumn, vectors), vectors);
      return (int) (((long) rows + tallest - 1) / tallest);
    }

    void run(@Nullable Team team) {
      int rowPanels = rowPanels();
      if (rowPanels == 0) {
        return;
      }
      int vectors = vectors();
      int width = vectors * Tiles.LANES;
      int columnPanels = (int) (((long) columns + width - 1) / width);
      long work = (long) rows * columns * Math.max(1, depth);
      Tiles.warmUp(aColumn, rows, vectors, work);
      int wanted = Math.clamp(work / CHUNK_WORK, 1, MOST_CHUNKS);
      int acrossColumns = Math.min(wanted, Math.min(columnPanels, 16));
      int acrossRows = Math.max((int) (((long) rows + CHUNK_ROWS - 1) / CHUNK_ROWS),
          Math.min((wanted + acrossColumns - 1) / acrossColumns, Math.max(1, rowPanels / 4)));
      // Neighbouring chunks share their rows of A, which so stay in the second-level cache.
      parallel(team, acrossRows * acrossColumns, new Team.Body() {
        @Override
        public void run(int worker, int chunk) {
          int r = chunk / acrossColumns;
          int s = chunk % acrossColumns;
          tiles(rowPanels, cut(rowPanels, acrossRows, r), cut(rowPanels, acrossRows, r + 1),
              cut(columnPanels, acrossColumns, s),
              cut(columnPanels, acrossColumns, s + 1));
        }
      });
    }

    /** The tiles of some of the row panels and some of the column panels, on this thread. */
    void tiles(int rowPanels, int fromRow, int toRow, int fromColumn, int toColumn) {
      Gemm.tiles(rows, columns, depth, a, aRow, aInner, aColumn, aPanel, b, bPacked, ldb, c, ldc, accumulate, vectors(),
          rowPanels, fromRow, toRow, fromColumn, toColumn);
    }
  }

  /** {@link Block#tiles}, from which C2 so leaves nothing of the record. */
  private static void tiles(int rows, int columns, int depth, long a, long aRow, long aInner, boolean aColumn,
      long aPanel, long b, boolean bPacked, long ldb, long c, long ldc, boolean accumulate, int tileVectors,
      int rowPanels, int fromRow, int toRow, int fromColumn, int toColumn) {
    long edge = Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    long inner = aColumn ? aInner : Tiles.steps(depth);
    for (int s = fromColumn; s < toColumn; s++) {
      int j = s * tileVectors * Tiles.LANES;
      int cols = Math.min(tileVectors * Tiles.LANES, columns - j);
      int vectors = Tiles.vectors(cols);
      long width = 4L * vectors * Tiles.LANES;
      boolean whole = 4L * cols == width;
      long bAt = bPacked ? b + 4L * j * depth : b + 4L * j;
      long bInner = bPacked ? width : ldb;
      for (int r = fromRow; r < toRow; r++) {
        int i = cut(rows, rowPanels, r);
        int height = cut(rows, rowPanels, r + 1) - i;
        long aAt = aPanel == 0 ? a + i * aRow : a + r * aPanel;
        long cAt = c + i * ldc + 4L * j;
        TileKernel.Layout layout = TileKernel.Layout.of(aColumn, vectors);
        TileKernel adding = whole && accumulate ? Tiles.adding(layout, height, vectors) : null;
        boolean direct = whole && !accumulate || adding != null;
        TileKernel kernel = adding != null ? adding : Tiles.get(layout, height, vectors);
        Tiles.run(kernel, 1, depth, aAt, aRow, inner, 0, bAt, bInner, 0, direct ? cAt : edge, direct ? ldc : width);
        if (!direct) {
          Panels.store(edge, width, cAt, ldc, height, cols, accumulate);
        }
      }
    }
  }
}
