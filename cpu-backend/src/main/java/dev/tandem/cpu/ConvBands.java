package dev.tandem.cpu;

/**
 * A convolution that is computed in bands of rows of its result, whose borders depend on the sizes only: what the forward pass and the
 * gradient by the image have in common. The team shares the bands of all images.
 */
abstract class ConvBands implements Team.Body {
  /** Multiplications that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 18;

  final ConvShape s;
  final boolean depthwise;
  final ConvTiles.Walks walks;
  private final Image result;
  private final int bands;
  private final int chunks;

  /** @param bands of each image */
  ConvBands(ConvShape s, Image result, int bands, Team team) {
    this.s = s;
    this.result = result;
    this.bands = bands;
    depthwise = Depthwise.fits(s);
    walks = new ConvTiles.Walks(team);
    chunks = Math.clamp(s.work() / CHUNK_WORK, 1, Math.multiplyExact(s.images(), bands));
  }

  /** Computes the result. */
  final void run(Team team) {
    team.run(chunks, this);
  }

  @Override
  public final void run(int worker, int chunk) {
    int all = s.images() * bands;
    for (int i = Gemm.cut(all, chunks, chunk); i < Gemm.cut(all, chunks, chunk + 1); i++) {
      int image = i / bands;
      int band = i % bands;
      int from = Gemm.cut(result.height(), bands, band);
      int to = Gemm.cut(result.height(), bands, band + 1);
      if (result.channelsLast()) {
        band(worker, image, from, to, result.at(image, from), result.rowStride(), result.pixelStride());
      } else {
        long pixel = 4L * result.channels();
        long out = Workspace.floats(Workspace.Slot.OUTPUT, (long) (to - from) * result.width() * result.channels());
        band(worker, image, from, to, out, pixel * result.width(), pixel);
        result.put(image, from, to, out);
      }
    }
  }

  /**
   * Computes rows {@code from} to {@code to} of an image.
   *
   * @param out where they begin, channels last, and the bytes between rows and between pixels there
   */
  abstract void band(int worker, int image, int from, int to, long out, long outRow, long outPixel);

  /** Rows of pixels are the tiles' rows; where they join to longer ones the tallest tile does nearly all. */
  final void warmUp(int pixels, int channels) {
    if (!depthwise) {
      Tiles.warmUpOverlapping(TileKernel.Layout.OFFSETS, pixels, Tiles.vectors(Math.min(channels, Tiles.WIDTH)),
          s.work());
    }
  }
}
