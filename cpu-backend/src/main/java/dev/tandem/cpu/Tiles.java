package dev.tandem.cpu;

/** The tile kernels of this machine and their sizes. */
final class Tiles {
  /** Floats in a vector; without vectors, columns that {@link ScalarTile} computes together. */
  static final int LANES = Lanes.AVAILABLE ? FloatLanes.COUNT : ScalarTile.COLUMNS;
  /** Columns of the usual tile. */
  static final int WIDTH = 2 * LANES;
  private static final boolean MANY_REGISTERS = LANES == 16 || System.getProperty("os.arch").equals("aarch64");
  /**
   * Rows of a tile two vectors wide. With the 32 registers of AVX-512 and NEON 8: taller ones (11 and more) fit the
   * registers of C2, but exhaust those of C1, and a kernel that C1 gave up may stay in a slow tier for good. With the
   * 16 of AVX2 4, since C2 loads the numbers of all rows before it multiplies: of 134 GFLOP/s 4 rows reach 118 to 125,
   * 5 rows 49 and 6 rows 58.
   */
  static final int ROWS = MANY_REGISTERS ? 8 : 4;
  /**
   * Rows of a tile one vector wide. C1 gives up 14 rows and more: a convolution of 16 channels stayed in tier 2, 50 times
   * slower, for minutes.
   */
  static final int NARROW_ROWS = MANY_REGISTERS ? 12 : 6;
  /** Vectors of the one-row tile for vector-matrix products: enough independent sums to hide the latency of FMA. */
  static final int VECTOR_TILE = 8;

  /** Multiplications of an operation that, done a few times, take longer on a cold kernel than warming it up does. */
  private static final long WARM_WORK = 1 << 17;

  private static final int VARIANTS = VECTOR_TILE + 1;
  // Made when first wanted. They have no fields that are not final: reading them without a barrier is harmless.
  private static final TileKernel[] ROW = new TileKernel[(NARROW_ROWS + 1) * VARIANTS];
  private static final TileKernel[] COLUMN = new TileKernel[(NARROW_ROWS + 1) * VARIANTS];
  private static final WarmUp[] ROW_WARM_UP = new WarmUp[(NARROW_ROWS + 1) * VARIANTS];
  private static final WarmUp[] COLUMN_WARM_UP = new WarmUp[(NARROW_ROWS + 1) * VARIANTS];

  /** Turns of a run of warming up: enough to tell C2 of a loop. */
  private static final int TURNS = WarmUp.TURNS / 2;
  private static volatile boolean expected;

  private Tiles() {
  }

  /** The tallest tile of that many vectors. */
  static int rows(int vectors) {
    return vectors == 1 ? NARROW_ROWS : ROWS;
  }

  /** Vectors (1 or 2) of the tile that covers {@code columns}, which are at most {@link #WIDTH}. */
  static int vectors(int columns) {
    return columns <= LANES ? 1 : 2;
  }

  /**
   * Makes the kernels of an operation ready if it is large enough to gain by it.
   *
   * @param length rows of the operation, which are cut into tiles as equal as can be
   * @param work its multiplications
   */
  static void warmUp(boolean column, int length, int vectors, long work) {
    if (work < WARM_WORK || length < 1 || !Lanes.AVAILABLE) {
      return;
    }
    int parts = (length + rows(vectors) - 1) / rows(vectors);
    WarmUp lower = warmUp(column, length / parts, vectors);
    WarmUp higher = warmUp(column, (length + parts - 1) / parts, vectors);
    if (higher != lower && !higher.isDone()) {
      higher.begin();
    }
    lower.await(work / LANES);
    higher.await(work / LANES);
  }

  /** Begins to make ready what products of large matrices need in any case, while the caller goes on. */
  static void expectLargeProducts() {
    if (Lanes.AVAILABLE && !expected) {
      expected = true;
      warmUp(false, ROWS, 2).begin();
      warmUp(true, ROWS, 2).begin();
    }
  }

  private static WarmUp warmUp(boolean column, int rows, int vectors) {
    WarmUp[] all = column ? COLUMN_WARM_UP : ROW_WARM_UP;
    int at = rows * VARIANTS + vectors;
    WarmUp known = all[at];
    return known != null ? known : newWarmUp(column, rows, vectors, all, at);
  }

  private static synchronized WarmUp newWarmUp(boolean column, int rows, int vectors, WarmUp[] all, int at) {
    if (all[at] == null) {
      long line = 4L * vectors * LANES;
      all[at] = new WarmUp(outer -> get(column, rows, vectors).run(outer, TURNS, WarmUp.ZEROS, 4L * TURNS,
          4L * rows, 0, WarmUp.ZEROS, line, 0, WarmUp.OUTPUT, line), rows * (vectors + 1) + vectors);
    }
    return all[at];
  }

  /** With A in column layout or in row layout. */
  static TileKernel get(boolean column, int rows, int vectors) {
    TileKernel[] all = column ? COLUMN : ROW;
    int at = rows * VARIANTS + vectors;
    TileKernel t = all[at];
    return t != null ? t : newTile(column, rows, vectors, all, at);
  }

  /** One thread may work with a tile while another warms it up, so there is one of each. */
  private static synchronized TileKernel newTile(boolean column, int rows, int vectors, TileKernel[] all, int at) {
    if (all[at] == null) {
      all[at] = Lanes.AVAILABLE ? TileGenerator.generate(rows, vectors, column) : new ScalarTile(rows, vectors, column);
    }
    return all[at];
  }
}
