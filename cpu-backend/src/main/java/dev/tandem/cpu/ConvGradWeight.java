package dev.tandem.cpu;

import dev.tandem.core.op.ConvGeometry;

/**
 * The gradient of a convolution by its weight: for each row of taps, the product of the transposed image [pixels, taps
 * and inputs] and the output gradient [pixels, outputs], both read in place by column tiles. Images are dealt out in
 * chunks, each with partial sums of its own that are added in order: the number of chunks depends on the sizes only, so
 * the sums do not depend on the team.
 */
final class ConvGradWeight {
  private static final int MOST_CHUNKS = 16;
  /** Multiplications that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 18;
  /** Floats of partial sums, where two chunks do not already need more. */
  private static final long MOST_SUMS = 8 << 20;
  /** Pixels in a block: one panel's output gradient (32 KiB with 512-bit vectors) stays in the first-level cache. */
  private static final int BLOCK_PIXELS = 256;

  private final ConvShape s;
  private final Image x;
  private final Image dy;
  private final int bands;
  private final int panelsPerGroup;

  ConvGradWeight(ConvShape s, Image x, Image dy) {
    this.s = s;
    this.x = x;
    this.dy = dy;
    bands = s.bands(s.outHeight(), (long) s.width() * s.channels() * s.geometry().strideH());
    panelsPerGroup = Panels.count(s.groupFilters());
  }

  void run(ConvWeights out, Team team) {
    long weights = s.weights();
    int units = Math.multiplyExact(s.images(), bands);
    int most = (int) Math.min(Math.min(MOST_CHUNKS, units), Math.max(2, MOST_SUMS / weights));
    int chunks = Math.clamp(s.work() / CHUNK_WORK, 1, Math.max(1, most));
    long sums = Workspace.floats(Workspace.Slot.PARTIAL_SUMS, weights * chunks);
    if (units == 0) {
      Memory.zero(sums, 4 * weights);
    }
    // Weights too large for many partial sums: their output channels are dealt out as well.
    boolean depthwise = Depthwise.fits(s);
    int panels = s.groups() * panelsPerGroup;
    int parts = depthwise ? 1 : Math.clamp(Math.min(s.work() / CHUNK_WORK, MOST_CHUNKS) / chunks, 1, panels);
    if (!depthwise) {
      Tiles.warmUp(true, height(s), Tiles.vectors(Math.min(s.groupFilters(), Tiles.WIDTH)), s.work());
    }
    team.run(chunks * parts, (worker, i) -> {
      int chunk = i / parts;
      int part = i % parts;
      int from = Gemm.cut(units, chunks, chunk);
      for (int u = from; u < Gemm.cut(units, chunks, chunk + 1); u++) {
        add(u, Gemm.cut(panels, parts, part), Gemm.cut(panels, parts, part + 1), sums + 4 * weights * chunk, u > from);
      }
    });
    addChunks(sums, weights, chunks, team);
    if (depthwise) {
      out.fromChannelsLast(sums);
    } else {
      out.fromTapMajor(sums, team);
    }
  }

  /** Rows of a product. */
  private static int height(ConvShape s) {
    return s.rowsOfTapsAreDense() ? s.kernelW() * s.groupChannels() : s.groupChannels();
  }

  /** Begins to make ready what the gradients by the weight and the bias will need in a training, while the caller goes on. */
  static void expect(ConvShape s) {
    if (Lanes.AVAILABLE && (long) s.images() * s.outHeight() * s.outWidth() * s.filters() >= WarmUp.ELEMENTS) {
      VectorFolds.warmUpOfSums(s.filters()).begin();
    }
    Tiles.expect(TileKernel.Layout.COLUMNS, height(s), Tiles.vectors(Math.min(s.groupFilters(), Tiles.WIDTH)),
        s.work());
  }

  /** Adds to the first {@code count} sums those of the other chunks, which follow each other, in order. */
  static void addChunks(long sums, long count, int chunks, Team team) {
    if (chunks == 1) {
      return;
    }
    int pieces = Math.clamp(count * chunks >> 15, 1, 64);
    team.run(pieces, new Team.Body() {
      @Override
      public void run(int worker, int piece) {
        long from = count * piece / pieces;
        int length = (int) (count * (piece + 1) / pieces - from);
        for (int c = 1; c < chunks; c++) {
          Panels.store(sums + 4 * (count * c + from), 0, sums + 4 * from, 0, 1, length, true);
        }
      }
    });
  }

  /** One band of an image, for some panels of output channels. */
  private void add(int unit, int fromPanel, int toPanel, long sums, boolean accumulate) {
    ConvGeometry g = s.geometry();
    int image = unit / bands;
    int from = Gemm.cut(s.outHeight(), bands, unit % bands);
    int to = Gemm.cut(s.outHeight(), bands, unit % bands + 1);
    int top = s.firstRow(from);
    int bottom = s.endRow(to);
    int left = -g.paddingW();
    int right = s.endColumn();
    // Measured for 256 to 64 channels, 1 x 1: 6.3 ms in place, 5.3 so.
    long in = s.spreads() ? x.copy(image, top, bottom, left, right, Workspace.Slot.BAND)
        : x.band(image, top, bottom, left, right, Workspace.Slot.BAND);
    long inRow = s.spreads() ? x.copyRow(left, right) : x.bandRow(top, bottom, left, right);
    long grad = dy.band(image, from, to, 0, s.outWidth(), Workspace.Slot.SECOND_BAND);
    long gradRow = dy.bandRow(from, to, 0, s.outWidth());
    long pixel = 4L * s.channels();
    long inInner = g.strideW() * pixel;
    long inOuter = g.strideH() * inRow;
    if (Depthwise.fits(s)) {
      for (int tap = 0; tap < s.taps(); tap++) {
        long a = in + (long) (tap / s.kernelW()) * g.dilationH() * inRow
            + (long) (tap % s.kernelW()) * g.dilationW() * pixel;
        Depthwise.gradient(s.channels(), to - from, s.outWidth(), a, inOuter, inInner, grad, gradRow,
            pixel,
            sums + tap * pixel, accumulate);
      }
      return;
    }
    int inputs = s.groupChannels();
    int outputs = s.groupFilters();
    // Neighbouring taps of a row and their inputs are rows of one product, or each tap has its own.
    boolean dense = s.rowsOfTapsAreDense();
    int products = dense ? s.kernelH() : s.taps();
    int height = height(s);
    int columns = dense ? 1 : s.kernelW();
    int blockRows = Math.max(1, BLOCK_PIXELS / s.outWidth());
    for (int panel = fromPanel; panel < toPanel; panel++) {
      int group = panel / panelsPerGroup;
      int o = panel % panelsPerGroup * Tiles.WIDTH;
      int cols = Math.min(Tiles.WIDTH, outputs - o);
      long b = grad + 4L * (group * outputs + o);
      for (int row = 0; row < to - from; row += blockRows) {
        int rows = Math.min(blockRows, to - from - row);
        for (int product = 0; product < products; product++) {
          long a =
              in + ((long) (product / columns) * g.dilationH() + (long) row * g.strideH()) * inRow
                  + (long) (product % columns) * g.dilationW() * pixel + 4L * group * inputs;
          long c = sums + 4 * (((long) group * products + product) * height * outputs + o);
          multiply(rows, height, cols, a, inInner, inOuter, b + row * gradRow, gradRow, c,
              accumulate || row > 0);
        }
      }
    }
  }

  /** {@code C [height, cols] (+)= sum over rows and pixels of A * B}. */
  private void multiply(int rows, int height, int cols, long a, long aInner, long aOuter, long b, long bOuter, long c,
      boolean accumulate) {
    int vectors = Tiles.vectors(cols);
    long width = 4L * vectors * Tiles.LANES;
    boolean whole = 4L * cols == width;
    long edge =
        whole && !accumulate ? 0 : Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    int tallest = Tiles.rows(TileKernel.Layout.COLUMNS, vectors);
    int parts = (height + tallest - 1) / tallest;
    long cRow = 4L * s.groupFilters();
    long bInner = 4L * s.filters();
    int i = 0;
    for (int part = 0; part < parts; part++) {
      int tall = Gemm.cut(height, parts, part + 1) - i;
      TileKernel adding = whole && accumulate ? Tiles.adding(TileKernel.Layout.COLUMNS, tall, vectors) : null;
      boolean direct = whole && !accumulate || adding != null;
      TileKernel kernel = adding != null ? adding : Tiles.get(TileKernel.Layout.COLUMNS, tall, vectors);
      Tiles.run(kernel, rows, s.outWidth(), a + 4L * i, 0, aInner, aOuter, b, bInner, bOuter,
          direct ? c + i * cRow : edge,
          direct ? cRow : width);
      if (!direct) {
        Panels.store(edge, width, c + i * cRow, cRow, tall, cols, accumulate);
      }
      i += tall;
    }
  }
}
