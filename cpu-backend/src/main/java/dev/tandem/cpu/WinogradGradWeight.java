package dev.tandem.cpu;

/**
 * {@link Winograd}'s gradient by the weight: {@code G^T [sum over tiles of (B^T d B) * (A dY A^T)] G}. Rows of tiles are transformed in
 * blocks that stay in the second-level cache, and for each of the 16 places of a tile multiplied and added to a sum [channels, filters].
 *
 * <p>Where these sums are small, every chunk of rows has its own, which are added in order at the end: nobody reads what another core
 * has just written. Else there is one, and the team shares the transforms and then the products of each block. Which of the two it is,
 * and how rows are cut, depends on the sizes only.
 */
final class WinogradGradWeight {
  private static final int PLACES = Winograd.PLACES;
  private static final long LINE = Winograd.LINE;
  private static final int LANES = Tiles.LANES;
  /** Tiles of a block at least: for each, the sums are read and written once more. */
  private static final int LEAST_TILES = 64;
  private static final int MOST_CHUNKS = 16;
  /** Bytes of all chunks' sums at most, so that adding them takes little beside the work. */
  private static final long MOST_SUMS = 4 << 20;
  /** With fewer chunks a large team would have nothing to do. */
  private static final int LEAST_CHUNKS = 8;

  private final Image x;
  private final Image dy;
  private final int above;
  private final int left;
  private final int channels;
  private final int filters;
  private final Team team;
  private final Winograd.Cover cover;
  private final int panels;
  /** Rows of tiles in a block. */
  private final int block;
  /** Floats of the sums of all places. */
  private final long sums;

  private WinogradGradWeight(ConvShape s, Image x, Image dy, Team team) {
    this.x = x;
    this.dy = dy;
    this.team = team;
    above = s.geometry().paddingH();
    left = s.geometry().paddingW();
    channels = s.channels();
    filters = s.filters();
    cover = new Winograd.Cover(dy.images(), dy.height(), dy.width());
    panels = Panels.count(filters);
    block = Winograd.blockRows(cover, 4L * PLACES * (channels + filters), LEAST_TILES);
    sums = (long) PLACES * channels * filters;
  }

  /** {@code x, dy -> gradient by the weight}. */
  static void run(ConvShape s, Image x, Image dy, ConvWeights out, Team team) {
    WarmUp.await(VectorWinograd.WEIGHT_GRADIENT);
    WinogradGradWeight w = new WinogradGradWeight(s, x, dy, team);
    Tiles.warmUp(true, Tiles.ROWS, Tiles.vectors(Math.min(w.filters, Tiles.WIDTH)),
        (long) PLACES * w.cover.rows() * w.cover.across() * w.channels * w.filters);
    int chunks = (int) Math.min(Math.min(MOST_CHUNKS, w.cover.rows()), MOST_SUMS / (4 * w.sums));
    long sums = chunks < LEAST_CHUNKS ? w.together() : w.apart(chunks);
    w.filters(sums, out);
  }

  private long together() {
    int most = block * cover.across();
    long images = Workspace.floats(Workspace.Slot.LEFT_PANELS, floatsOfImages(most));
    long gradients = Workspace.floats(Workspace.Slot.RIGHT_PANELS, floatsOfGradients(most));
    long to = Workspace.floats(Workspace.Slot.PARTIAL_SUMS, sums);
    int parts = Math.clamp((long) most * channels * filters >> 19, 1, panels);
    // The first row and the number of rows of a block. A step has hundreds of blocks: nothing is made anew for each.
    int[] at = new int[2];
    Team.Body transform = (worker, chunk) -> {
      int chunks = Math.min(at[1], MOST_CHUNKS);
      int r = Gemm.cut(at[1], chunks, chunk);
      transform(at[0] + r, at[0] + Gemm.cut(at[1], chunks, chunk + 1), r, at[1] * cover.across(), images, gradients);
    };
    Team.Body multiply = (worker, i) -> multiply(i / parts, Gemm.cut(panels, parts, i % parts),
        Gemm.cut(panels, parts, i % parts + 1), at[1] * cover.across(), images, gradients, to, at[0] > 0);
    for (int first = 0; first < cover.rows(); first += block) {
      at[0] = first;
      at[1] = Math.min(block, cover.rows() - first);
      team.run(Math.min(at[1], MOST_CHUNKS), transform);
      team.run(PLACES * parts, multiply);
    }
    return to;
  }

  private long apart(int chunks) {
    long all = Workspace.floats(Workspace.Slot.PARTIAL_SUMS, chunks * sums);
    team.run(chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        int from = Gemm.cut(cover.rows(), chunks, chunk);
        int end = Gemm.cut(cover.rows(), chunks, chunk + 1);
        int blocks = (end - from + block - 1) / block;
        int most = Math.ceilDiv(end - from, blocks) * cover.across();
        long images = Workspace.floats(Workspace.Slot.LEFT_PANELS, floatsOfImages(most));
        long gradients = Workspace.floats(Workspace.Slot.RIGHT_PANELS, floatsOfGradients(most));
        for (int b = 0; b < blocks; b++) {
          int first = from + Gemm.cut(end - from, blocks, b);
          int last = from + Gemm.cut(end - from, blocks, b + 1);
          int tiles = (last - first) * cover.across();
          transform(first, last, 0, tiles, images, gradients);
          for (int place = 0; place < PLACES; place++) {
            multiply(place, 0, panels, tiles, images, gradients, all + 4 * sums * chunk, b > 0);
          }
        }
      }
    });
    ConvGradWeight.addChunks(all, sums, chunks, team);
    return all;
  }

  private long floatsOfImages(int tiles) {
    return (long) PLACES * tiles * channels;
  }

  private long floatsOfGradients(int tiles) {
    return (long) PLACES * tiles * panels * Tiles.WIDTH;
  }

  /**
   * Both transforms of rows {@code first} to {@code last}.
   *
   * @param row where the first is in the block
   * @param tiles of the block
   */
  private void transform(int first, int last, int row, int tiles, long images, long gradients) {
    Winograd.image(cover, x, above, left, first, last, images + row * cover.across() * LINE, 4L * tiles * channels,
        LINE, tiles * LINE);
    gradient(first, last, gradients + 2 * row * cover.across() * LINE, 8L * tiles * panels * LANES, 2 * tiles * LINE);
  }

  private void gradient(int first, int last, long to, long step, long panel) {
    long pixel = 4L * dy.channels();
    long t = to;
    for (int row = first; row < last;) {
      int top = row % cover.down();
      int count = Math.min(last - row, cover.down() - top);
      int end = 2 * (top + count);
      long band =
          dy.band(row / cover.down(), 2 * top, end, 0, 2 * cover.across(), Workspace.Slot.SECOND_BAND);
      long bandRow = dy.bandRow(2 * top, end, 0, 2 * cover.across());
      for (int i = 0; i < count; i++) {
        VectorWinograd.gradOutput(cover.across(), band + 2 * i * bandRow, bandRow, pixel, t, step, panel,
            dy.channels());
        t += 2 * LINE * cover.across();
      }
      row += count;
    }
  }

  /**
   * {@code sums [channels, filters] (+)= images^T [channels, tiles] * gradients [tiles, filters]} of one place, for some panels of
   * filters; both factors are in panels.
   */
  private void multiply(int place, int fromPanel, int toPanel, int tiles, long images, long gradients, long sums,
      boolean accumulate) {
    long a = images + 4L * place * tiles * channels;
    long b = gradients + place * 8L * tiles * panels * LANES;
    long edge = Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    for (int p = fromPanel; p < toPanel; p++) {
      int j = p * Tiles.WIDTH;
      int columns = Math.min(Tiles.WIDTH, filters - j);
      int vectors = Tiles.vectors(columns);
      TileKernel adding = accumulate ? Tiles.adding(TileKernel.Layout.COLUMNS, Tiles.ROWS, vectors) : null;
      TileKernel kernel = adding != null ? adding : Tiles.get(TileKernel.Layout.COLUMNS, Tiles.ROWS, vectors);
      boolean direct = !accumulate || adding != null;
      for (int c = 0; c < channels; c += Tiles.ROWS) {
        long to = sums + 4 * (((long) place * channels + c) * filters + j);
        Tiles.run(kernel, 1, tiles, a + c / LANES * tiles * LINE + 4L * (c % LANES), 0, LINE, 0,
            b + p * 2 * tiles * LINE, 2 * LINE, 0, direct ? to : edge, direct ? 4L * filters : 2 * LINE);
        if (!direct) {
          Panels.store(edge, 2 * LINE, to, 4L * filters, Tiles.ROWS, columns, true);
        }
      }
    }
  }

  private void filters(long sums, ConvWeights out) {
    team.run(filters / LANES, new Team.Body() {
      @Override
      public void run(int worker, int v) {
        long turned = Workspace.floats(Workspace.Slot.BAND, (long) Winograd.TAPS * channels * LANES);
        VectorWinograd.gradFilter(sums + v * LINE, 4L * channels * filters, 4L * filters, turned, channels);
        Panels.transpose(turned, LINE, out.filter(v * LANES), out.filterStride(), LANES, Winograd.TAPS * channels,
            false);
      }
    });
  }
}
