package dev.tandem.cpu;

import dev.tandem.cpu.TileKernel.Layout;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

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
  /** Rows of a tile one vector wide that has an address for each: registers for more are not there (12 rows: 198 GFLOP/s, 10: 216). */
  private static final int ADDRESSED_ROWS = 10;
  /** Vectors of the one-row tile for vector-matrix products: enough independent sums to hide the latency of FMA. */
  static final int VECTOR_TILE = 8;

  /** Multiplications of an operation that, done a few times, take longer without vectors than warming a kernel up does. */
  private static final long WARM_WORK = 1 << 17;
  /**
   * Multiplications that take longer without vectors than it takes to wait for a kernel once: 1 ns each, in code of C1 ten, and all
   * processors are then busy that the compilers could use.
   */
  private static final long LONG_WORK = 1 << 23;
  /** Tiles that have been wanted of a kernel when it is worth to be made ready. */
  private static final int OFTEN = 16;
  /** The same of one that adds, without which a tile takes some 5 % longer. */
  private static final int OFTEN_ADDED = 1024;

  private static final int VARIANTS = VECTOR_TILE + 1;
  private static final int SIZES = (NARROW_ROWS + 1) * VARIANTS;
  // Made when first wanted. They have no fields that are not final: reading them without a barrier is harmless.
  /** Those that are compiled. */
  private static final TileKernel[] KERNELS = new TileKernel[2 * SIZES * Layout.values().length];
  private static final TileKernel[] VECTORS = new TileKernel[KERNELS.length];
  private static final TileKernel[] SCALARS = new TileKernel[KERNELS.length];
  private static final WarmUp[] WARM_UPS = new WarmUp[KERNELS.length];
  private static final int[] WANTED = new int[KERNELS.length];

  private static volatile boolean expected;
  private static Steps steps = Steps.of(2 * Gemm.DEPTH);

  private record Steps(int count, long address) {
    static Steps of(int count) {
      long address =
          Memory.allocate(Arena.global(), 4L * count, 0, Allocation.Use.KERNEL, "offsets of neighbours").address();
      for (int i = 0; i < count; i++) {
        Memory.setInt(address + 4L * i, Math.multiplyExact(4, i));
      }
      return new Steps(count, address);
    }
  }

  private Tiles() {
  }

  /** The tallest tile of that many vectors. */
  static int rows(Layout layout, int vectors) {
    if (vectors > 1) {
      return ROWS;
    }
    return layout == Layout.COLUMNS ? NARROW_ROWS : Math.min(NARROW_ROWS, ADDRESSED_ROWS);
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
  static void warmUp(Layout layout, int length, int vectors, long work) {
    if (work < WARM_WORK || length < 1 || !Lanes.AVAILABLE) {
      return;
    }
    int tallest = rows(layout, vectors);
    int parts = (length + tallest - 1) / tallest;
    WarmUp lower = warmUp(layout, length / parts, vectors, false);
    WarmUp higher = warmUp(layout, (length + parts - 1) / parts, vectors, false);
    // Both are compiled at the same time.
    higher.begin();
    lower.prepare(work >= LONG_WORK);
    higher.prepare(work >= LONG_WORK);
  }

  /** {@link #warmUp} where tiles may overlap: of more than the tallest only this is waited for. */
  static void warmUpOverlapping(Layout layout, int length, int vectors, long work) {
    int tallest = rows(layout, vectors);
    if (work < LONG_WORK || length < tallest || !Lanes.AVAILABLE) {
      warmUp(layout, length, vectors, work);
      return;
    }
    int parts = (length + tallest - 1) / tallest;
    warmUp(layout, tallest, vectors, false).prepare(true);
    warmUp(layout, (length + parts - 1) / parts, vectors, false).beginLater();
    warmUp(layout, length / parts, vectors, false).beginLater();
  }

  /** Begins with those of an operation that is large, and will follow. */
  static void expect(Layout layout, int length, int vectors, long work) {
    if (work >= LONG_WORK && Lanes.AVAILABLE) {
      warmUp(layout, Math.min(length, rows(layout, vectors)), vectors, false).begin();
    }
  }

  /** The same for a matrix product. */
  static void warmUp(boolean column, int length, int vectors, long work) {
    warmUp(Layout.of(column, vectors), length, vectors, work);
  }

  /** Begins to make ready what products of large matrices need in any case, while the caller goes on. */
  static void expectLargeProducts() {
    if (Lanes.AVAILABLE && !expected) {
      expected = true;
      warmUp(Layout.OFFSETS, ROWS, 2, false).begin();
      warmUp(Layout.COLUMNS, ROWS, 2, false).begin();
    }
  }

  private static WarmUp warmUp(Layout layout, int rows, int vectors, boolean adds) {
    WarmUp known = WARM_UPS[index(layout, rows, vectors, adds)];
    return known != null ? known : newWarmUp(layout, rows, vectors, adds);
  }

  private static synchronized WarmUp newWarmUp(Layout layout, int rows, int vectors, boolean adds) {
    int at = index(layout, rows, vectors, adds);
    if (WARM_UPS[at] == null) {
      long line = 4L * vectors * LANES;
      // Zeros are offsets as well. Half of the turns are enough for so many operations.
      long inner = layout == Layout.COLUMNS ? 4L * rows : WarmUp.ZEROS;
      WARM_UPS[at] =
          new WarmUp(turns -> run(compiled(layout, rows, vectors, adds), Math.min(turns, 1), (turns + 1) / 2,
              WarmUp.ZEROS, 2L * WarmUp.TURNS, inner, 0, WarmUp.ZEROS, line, 0, WarmUp.OUTPUT, line),
              rows * (vectors + 1) + vectors, () -> forget(at));
    }
    return WARM_UPS[at];
  }

  private static synchronized void forget(int at) {
    VECTORS[at] = null;
  }

  private static int index(Layout layout, int rows, int vectors, boolean adds) {
    return (2 * layout.ordinal() + (adds ? 1 : 0)) * SIZES + rows * VARIANTS + vectors;
  }

  /**
   * Whether rows are cut into tiles as equal as can be, rather than into tallest ones, of which the last overlaps the one before, as
   * long as only these are compiled. What is computed twice comes out the same, so that is for tiles that write C.
   */
  static boolean areEqual(Layout layout, int length, int vectors) {
    int tallest = rows(layout, vectors);
    int parts = (length + tallest - 1) / tallest;
    return length < tallest || !isCompiled(layout, tallest, vectors)
        || isCompiled(layout, length / parts, vectors)
            && (length % parts == 0 || isCompiled(layout, length / parts + 1, vectors));
  }

  /** Otherwise asking often has it compiled when nothing else is wanted. */
  private static boolean isCompiled(Layout layout, int rows, int vectors) {
    if (!Lanes.AVAILABLE) {
      return false;
    }
    if (KERNELS[index(layout, rows, vectors, false)] != null || ready(layout, rows, vectors, false) != null) {
      return true;
    }
    if (isOften(layout, rows, vectors, false, OFTEN)) {
      warmUp(layout, rows, vectors, false).beginLater();
    }
    return false;
  }

  /** One that is ready for work: until the vectors' is compiled, one without, which does the same to the bit. */
  static TileKernel get(Layout layout, int rows, int vectors) {
    TileKernel t = KERNELS[index(layout, rows, vectors, false)];
    return t != null ? t : cold(layout, rows, vectors);
  }

  private static TileKernel cold(Layout layout, int rows, int vectors) {
    int at = index(layout, rows, vectors, false);
    TileKernel scalar = SCALARS[at];
    if (scalar == null) {
      scalar = new ScalarTile(rows, vectors, layout, Lanes.AVAILABLE);
      SCALARS[at] = scalar;
    }
    if (!Lanes.AVAILABLE) {
      KERNELS[at] = scalar;
      return scalar;
    }
    TileKernel t = ready(layout, rows, vectors, false);
    if (t != null) {
      return t;
    }
    if (isOften(layout, rows, vectors, false, OFTEN)) {
      warmUp(layout, rows, vectors, false).begin();
    }
    return scalar;
  }

  /** One that adds to C, or null as long as it is not compiled. */
  static @Nullable TileKernel adding(Layout layout, int rows, int vectors) {
    TileKernel t = KERNELS[index(layout, rows, vectors, true)];
    if (t == null && Lanes.AVAILABLE) {
      t = ready(layout, rows, vectors, true);
      if (t == null && isOften(layout, rows, vectors, true, OFTEN_ADDED)) {
        warmUp(layout, rows, vectors, true).beginLater();
      }
    }
    return t;
  }

  /** Null if it is not compiled yet. */
  private static @Nullable TileKernel ready(Layout layout, int rows, int vectors, boolean adds) {
    if (!warmUp(layout, rows, vectors, adds).isReady()) {
      return null;
    }
    TileKernel t = compiled(layout, rows, vectors, adds);
    KERNELS[index(layout, rows, vectors, adds)] = t;
    return t;
  }

  /** Threads may count over each other, which only takes a little longer. */
  private static boolean isOften(Layout layout, int rows, int vectors, boolean adds, int often) {
    return ++WANTED[index(layout, rows, vectors, adds)] >= often;
  }

  /** One thread may work with a tile while another warms it up, so there is one of each. */
  private static synchronized TileKernel compiled(Layout layout, int rows, int vectors, boolean adds) {
    int at = index(layout, rows, vectors, adds);
    if (VECTORS[at] == null) {
      VECTORS[at] = TileGenerator.generate(rows, vectors, layout, adds);
    }
    return VECTORS[at];
  }

  /**
   * Runs a kernel. All calls pass here, those that warm kernels up too, so that HotSpot soon knows that they are of many classes: where
   * it has seen one or two, it compiles the caller with these and once more for each that comes (the loop over a product's tiles four
   * times, 0.17 s in all).
   */
  static void run(TileKernel kernel, int outer, int inner, long a, long aRow, long aInner, long aOuter, long b,
      long bInner, long bOuter, long c, long cRow) {
    kernel.run(outer, inner, a, aRow, aInner, aOuter, b, bInner, bOuter, c, cRow);
  }

  /** The address of the ints 0, 4, 8 and so on, {@code count} of them or more: offsets of numbers that follow each other. */
  static long steps(int count) {
    Steps known = steps;
    return count <= known.count ? known.address : moreSteps(count);
  }

  private static synchronized long moreSteps(int count) {
    if (count > steps.count) {
      // The old ones may be in use.
      steps = Steps.of(Math.max(count, 2 * steps.count));
    }
    return steps.address;
  }
}
