package dev.tandem.cpu;

/**
 * Convolutions of 3 x 3 taps with stride 1 by minimal filtering, F(2 x 2, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional
 * neural networks" (2016): {@code Y = A^T [(G g G^T) * (B^T d B)] A} for tiles of 4 x 4 pixels d, of which 2 x 2 come out, with 16
 * multiplications for 36. Summed over channels, each of the 16 places of a tile is a matrix product of its own. The gradient by the
 * weight is {@code G^T [(B^T d B) * (A dY A^T)] G}, summed over tiles.
 *
 * <p>All of it is fp32, no operand is rounded. Measured against double precision for 32 to 512 channels of normal numbers, the root mean
 * square error, as a part of that of the results, is 1.7e-7 to 7.2e-7 for outputs and gradients of images, 0.6 to 0.85 times that of the
 * direct sum, which has nine times the terms; for gradients of weights it is 2.3e-7 to 3.4e-7, 2 to 2.8 times. But an error is small
 * beside the numbers of a whole tile, not beside each pixel's own, and an infinity makes the pixels that see it NaN.
 *
 * <p>Tiles are dealt out in rows, from all images; how they are cut changes no sum but the weight gradient's, where it
 * depends on the sizes only.
 */
final class Winograd {
  static final int PLACES = 16;
  static final int TAPS = 9;
  private static final int LANES = Tiles.LANES;
  static final long LINE = 4L * LANES;
  /** With fewer channels or filters the transforms cost what the products save. */
  private static final int FEW = 32;
  /** With fewer tiles transforming the filters costs it. */
  private static final int FEW_TILES = 32;
  /** Bytes of transformed tiles in a block, which so stay in the second-level cache beside filters. */
  private static final int BLOCK_BYTES = 1 << 19;
  /** But no fewer tiles: for each block the filters, which may be large, are read once more. */
  private static final int LEAST_TILES = 48;
  /** Bounds the workspace where images are very wide: a block has a row of tiles at least. */
  private static final long MOST_FLOATS = 1 << 24;

  private final int channels;
  private final int filters;
  private final Team team;

  /** Of the convolution, whichever pass is computed. */
  private Winograd(ConvShape s, Team team) {
    channels = s.channels();
    filters = s.filters();
    this.team = team;
  }

  /** How an image of outputs, whose pixels are at 2 x 2 of a tile, is covered. */
  record Cover(int images, int height, int width) {
    int down() {
      return (height + 1) / 2;
    }

    int across() {
      return (width + 1) / 2;
    }

    int rows() {
      return Math.multiplyExact(images, down());
    }
  }

  /** Whether this is the way to compute a convolution with that weight, and its gradients. */
  static boolean fits(ConvShape s, ConvWeights weights) {
    var g = s.geometry();
    return Lanes.AVAILABLE && LANES % Tiles.ROWS == 0 && s.groups() == 1 && s.kernelH() == 3 && s.kernelW() == 3
        && g.strideH() == 1 && g.strideW() == 1 && g.dilationH() == 1 && g.dilationW() == 1 && g.paddingH() <= 2
        && g.paddingW() <= 2 && s.channels() >= FEW && s.filters() >= FEW && s.channels() % LANES == 0
        && s.filters() % LANES == 0 && (long) s.images() * s.outHeight() * s.outWidth() / 4 >= FEW_TILES
        && (long) s.images() * s.height() * s.width() / 4 >= FEW_TILES
        && (long) PLACES * s.width() * (s.channels() + s.filters()) <= MOST_FLOATS && weights.denseFilters();
  }

  /** Whether the next convolution of a network is likely to be done this way: one whose channels are the filters of this. */
  static boolean isNext(ConvShape s) {
    return Lanes.AVAILABLE && LANES % Tiles.ROWS == 0 && s.kernelH() == 3 && s.kernelW() == 3 && s.filters() >= FEW
        && s.filters() % LANES == 0 && s.work() >= WarmUp.ELEMENTS;
  }

  /** Begins to make ready what a convolution and, in a training, its gradients need, while the caller goes on. */
  static void expect() {
    WarmUp.begin(VectorWinograd.CORRELATION);
    WarmUp.begin(VectorWinograd.WEIGHT_GRADIENT);
  }

  /** {@code y = x * weight}; y with channels last. */
  static void forward(ConvShape s, Image x, ConvWeights weights, Image y, Team team) {
    Winograd w = new Winograd(s, team);
    expect();
    WarmUp.await(VectorWinograd.CORRELATION);
    w.correlate(x, s.geometry().paddingH(), s.geometry().paddingW(), w.filters(weights, false), y);
  }

  /** {@code dx}, with channels last, is the convolution of dy with the filters turned round and transposed. */
  static void gradInput(ConvShape s, Image dy, ConvWeights weights, Image dx, Team team) {
    Winograd w = new Winograd(s, team);
    WarmUp.await(VectorWinograd.CORRELATION);
    w.correlate(dy, 2 - s.geometry().paddingH(), 2 - s.geometry().paddingW(), w.filters(weights, true), dx);
  }

  /**
   * The transformed filters, shared: for each place the panels [in][one or two vectors of out] of a matrix [in, out].
   *
   * @param back for the gradient by the image: in and out change places, and each filter is turned by 180 degrees. To do so before the
   *     transform is to turn the transformed filter but for its middle, so that only the first and the last row and column change
   *     places.
   */
  private long filters(ConvWeights weights, boolean back) {
    long step = 4L * channels * filters;
    long all = Workspace.floats(Workspace.Slot.WEIGHT, (long) PLACES * channels * filters);
    int vectors = filters / LANES;
    team.run(vectors, new Team.Body() {
      @Override
      public void run(int worker, int v) {
        int first = v * LANES;
        long turned = Workspace.floats(Workspace.Slot.BAND, (long) TAPS * channels * LANES);
        Panels.transpose(weights.filter(first), weights.filterStride(), turned, LINE, TAPS * channels, LANES, false);
        if (!back) {
          VectorWinograd.filter(turned, all + inPanel(channels, filters, 0, first), step, panelRow(filters, first),
              channels);
          return;
        }
        long block = Workspace.floats(Workspace.Slot.TILE_INPUTS, (long) PLACES * LANES * LANES);
        for (int c = 0; c < channels; c += LANES) {
          VectorWinograd.filter(turned + TAPS * LINE * c, block, LINE * LANES, LINE, LANES);
          for (int place = 0; place < PLACES; place++) {
            Panels.transpose(block + turned(place) * LINE * LANES, LINE, all + place * step + inPanel(filters, channels,
                first, c), panelRow(channels, c), LANES, LANES, false);
          }
        }
      }
    });
    return all;
  }

  private static int turned(int place) {
    return 4 * turnedIndex(place / 4) + turnedIndex(place % 4);
  }

  private static int turnedIndex(int i) {
    return i == 0 ? 3 : i == 3 ? 0 : i;
  }

  /** Where in the panels of a matrix [rows, columns] the vector of {@code column} of {@code row} lies. */
  private static long inPanel(int rows, int columns, int row, int column) {
    int panel = column / Tiles.WIDTH * Tiles.WIDTH;
    return 4L * panel * rows + row * panelRow(columns, column) + 4L * (column - panel);
  }

  /** Bytes of a row in the panel of {@code column}. */
  private static long panelRow(int columns, int column) {
    return LINE * Tiles.vectors(Math.min(Tiles.WIDTH, columns - column / Tiles.WIDTH * Tiles.WIDTH));
  }

  /** {@code to}, [N, out, H, W], from {@code from}, [N, in, ...], with that many zeros above and left of it. */
  private void correlate(Image from, int above, int left, long panels, Image to) {
    Cover cover = new Cover(to.images(), to.height(), to.width());
    int in = from.channels();
    int out = to.channels();
    int block = sharedRows(cover.rows(), blockRows(cover, 4L * PLACES * (in + out), LEAST_TILES));
    int vectors = Tiles.vectors(Math.min(out, Tiles.WIDTH));
    Tiles.warmUpOverlapping(TileKernel.Layout.of(false, vectors), block * cover.across(), vectors,
        (long) PLACES * cover.rows() * cover.across() * in * out);
    team.run((cover.rows() + block - 1) / block, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        int first = chunk * block;
        int last = Math.min(cover.rows(), first + block);
        int tiles = (last - first) * cover.across();
        long image = Workspace.floats(Workspace.Slot.TILE_INPUTS, (long) PLACES * tiles * in);
        long product = Workspace.floats(Workspace.Slot.TILE_OUTPUTS, (long) PLACES * tiles * out);
        image(cover, from, above, left, first, last, image, 4L * tiles * in, 4L * in, LINE);
        for (int place = 0; place < PLACES; place++) {
          multiply(tiles, in, out, image + 4L * place * tiles * in, panels + 4L * place * in * out,
              product + 4L * place * tiles * out);
        }
        output(cover, product, 4L * tiles * out, first, last, to);
      }
    });
  }

  /** So many rows, or less if then no thread of the team is left without a block at the end. */
  private int sharedRows(int rows, int block) {
    int shares = Math.ceilDiv(Math.ceilDiv(rows, block), team.size());
    return Math.ceilDiv(rows, Math.min(rows, shares * team.size()));
  }

  /** Rows of tiles that are worked on together. */
  static int blockRows(Cover cover, long bytesOfTile, int least) {
    long tiles = Math.max(least, BLOCK_BYTES / bytesOfTile);
    return (int) Math.clamp((tiles + cover.across() - 1) / cover.across(), 1, Math.max(1, cover.rows()));
  }

  /** Transforms the tiles of some rows; {@code tile} and {@code group} are between tiles, and between vectors of channels. */
  static void image(Cover cover, Image x, int above, int left, int first, int last, long to, long step,
      long tile, long group) {
    long pixel = 4L * x.channels();
    long t = to;
    for (int row = first; row < last;) {
      int top = row % cover.down();
      int count = Math.min(last - row, cover.down() - top);
      int end = 2 * (top + count) + 2 - above;
      int right = 2 * cover.across() + 2 - left;
      long band = x.band(row / cover.down(), 2 * top - above, end, -left, right, Workspace.Slot.BAND);
      long bandRow = x.bandRow(2 * top - above, end, -left, right);
      for (int i = 0; i < count; i++) {
        VectorWinograd.image(cover.across(), band + 2 * i * bandRow, bandRow, pixel, t, step, tile, group,
            x.channels());
        t += tile * cover.across();
      }
      row += count;
    }
  }

  /** The pixels of some rows of tiles; those outside the image are not wanted. */
  private static void output(Cover cover, long from, long step, int first, int last, Image y) {
    long pixel = y.pixelStride();
    long nowhere = Workspace.floats(Workspace.Slot.OUTPUT, pixel / 4 * 2 * cover.across() + y.channels());
    long tile = 4L * y.channels();
    int whole = y.width() / 2;
    for (int row = first; row < last; row++) {
      long m = from + (row - first) * cover.across() * tile;
      int top = 2 * (row % cover.down());
      long upper = y.at(row / cover.down(), top);
      boolean below = top + 1 < y.height();
      long lower = below ? upper + y.rowStride() : nowhere;
      VectorWinograd.output(whole, m, step, tile, 2 * pixel, upper, upper + pixel, lower, lower + pixel,
          y.channels());
      if (whole < cover.across()) {
        long odd = 2 * whole * pixel;
        VectorWinograd.output(1, m + whole * tile, step, tile, 0, upper + odd, nowhere, below ? lower + odd : nowhere,
            nowhere, y.channels());
      }
    }
  }

  /** {@code C [tiles, out] = A [tiles, in] * B}, of which there are panels. */
  private static void multiply(int tiles, int in, int out, long a, long b, long c) {
    for (int j = 0; j < out; j += Tiles.WIDTH) {
      int vectors = Tiles.vectors(Math.min(Tiles.WIDTH, out - j));
      TileKernel.Layout layout = TileKernel.Layout.of(false, vectors);
      int tallest = Tiles.rows(layout, vectors);
      int parts = (tiles + tallest - 1) / tallest;
      boolean equal = Tiles.areEqual(layout, tiles, vectors);
      for (int part = 0; part < parts; part++) {
        int i = equal ? Gemm.cut(tiles, parts, part) : Math.min(part * tallest, tiles - tallest);
        int height = equal ? Gemm.cut(tiles, parts, part + 1) - i : tallest;
        Tiles.run(Tiles.get(layout, height, vectors), 1, in, a + 4L * i * in, 4L * in,
            Tiles.steps(in), 0, b + 4L * j * in, LINE * vectors, 0, c + 4 * ((long) i * out + j), 4L * out);
      }
    }
  }
}
