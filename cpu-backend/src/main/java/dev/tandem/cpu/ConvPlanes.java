package dev.tandem.cpu;

/**
 * The gradient by an image of few channels. Tiles of pixels by channels would be vectors of which most lanes are thrown
 * away; here the output gradient is turned into planes, one for each filter, and the lanes are pixels. They run on over
 * the ends of rows, where what is computed means nothing (measured for 3 to 64 channels, 7 x 7 of stride 2: 68 ms with
 * tiles of channels, 15 so).
 *
 * @param planes the filters' planes, {@code stride} bytes apart
 * @param columns of each row in a plane
 */
record ConvPlanes(long planes, long stride, int columns, int filters, int channels) {
  private static final int MOST_CHANNELS = 4;

  static boolean pay(ConvShape s) {
    return s.groups() == 1 && s.channels() <= MOST_CHANNELS && s.filters() >= Tiles.LANES;
  }

  /** Enough independent sums to hide the latency of FMA. */
  private static int vectors(int channels) {
    return channels == 1 ? Tiles.VECTOR_TILE : Tiles.ROWS / 2;
  }

  static void warmUp(ConvShape s) {
    Tiles.warmUp(TileKernel.Layout.COLUMNS, s.channels(), vectors(s.channels()), s.work());
  }

  /** Turns a padded band of the output gradient. */
  static ConvPlanes of(ConvShape s, long dy, long dyRow, int rows, int columns) {
    // An odd number of cache lines: at the usual powers of two all filters of a pixel would be in one cache set.
    long plane = (4L * rows * columns / Memory.ALIGNMENT + 1 | 1) * Memory.ALIGNMENT;
    // Whole vectors are read, as many as a tile has.
    long to = Workspace.floats(Workspace.Slot.TILE_INPUTS,
        plane / 4 * s.filters() + (long) Tiles.VECTOR_TILE * Tiles.LANES);
    long pixel = 4L * s.filters();
    boolean joined = dyRow == columns * pixel;
    int lines = joined ? 1 : rows;
    int length = joined ? rows * columns : columns;
    for (int r = 0; r < lines; r++) {
      Panels.transpose(dy + r * dyRow, pixel, to + 4L * r * columns, plane, s.filters(), length,
          false);
    }
    return new ConvPlanes(to, plane, columns, s.filters(), s.channels());
  }

  /**
   * Some rows of one phase of the gradient.
   *
   * @param top row and {@code left} column of the band that the first pixel receives from through its highest tap
   * @param panel the weights as [tap][filter][channel, one vector of them]
   */
  void correlate(ConvPhases.Phase down, ConvPhases.Phase across, int rows, int pixels, int top, int left, long panel,
      long out, long outRow, long outPixel) {
    int vectors = vectors(channels);
    int span = vectors * Tiles.LANES;
    int length = (rows - 1) * columns + pixels;
    long line = 4L * ((length + span - 1) / span * span);
    long product = Workspace.floats(Workspace.Slot.TILE_OUTPUTS, line / 4 * channels);
    long tap = 4L * filters * Tiles.LANES;
    TileKernel kernel = Tiles.get(TileKernel.Layout.COLUMNS, channels, vectors);
    long edge = Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    for (int j = 0; j < length; j += span) {
      if (down.count() == 0) {
        // Without a tap nothing is received.
        Tiles.run(kernel, 0, 0, panel, 0, 0, 0, planes, 0, 0, product + 4L * j, line);
      }
      for (int a = 0; a < down.count(); a++) {
        long from = planes + 4L * ((long) (top + a * down.outputStep()) * columns + left + j);
        Tiles.run(kernel, across.count(), filters, panel + a * across.count() * tap, 0, 4L * Tiles.LANES, tap, from,
            stride,
            4L * across.outputStep(), a > 0 ? edge : product + 4L * j, a > 0 ? 4L * span : line);
        if (a > 0) {
          Panels.store(edge, 4L * span, product + 4L * j, line, channels, span, true);
        }
      }
    }
    for (int r = 0; r < rows; r++) {
      Panels.move(product + 4L * r * columns, 4, line, out + r * outRow, outPixel, 4, pixels, channels, false);
    }
  }
}
