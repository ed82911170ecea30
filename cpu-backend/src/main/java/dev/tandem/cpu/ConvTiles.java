package dev.tandem.cpu;

/** Tiles of pixels by channels: what the forward pass and the gradient by the image have in common. */
final class ConvTiles {
  private ConvTiles() {
  }

  /**
   * How a tile goes over the taps of its pixels: {@code calls} of the kernel, each summing {@code outer} runs of {@code
   * inner} numbers that follow each other in the image. The distances are in bytes. A dense convolution takes one call
   * with a run for each row of taps; with groups, or taps that lie apart, a run is one tap and a call one row of taps.
   */
  record Taps(int calls, int outer, int inner, long callStride, long outerStride) {
    /** Of {@code rows} x {@code columns} taps over {@code channels} of the {@code pixel} bytes that a pixel takes. */
    static Taps of(boolean dense, int rows, int columns, int channels, long pixel, long rowStep, long columnStep) {
      if (dense || rows == 0 || columns == 0) {
        return new Taps(1, rows, columns * channels, 0, rowStep);
      }
      return new Taps(rows, columns, channels, rowStep, columnStep * pixel);
    }
  }

  /**
   * Some channels of {@code rows} x {@code pixels} output pixels. Strides are in bytes.
   *
   * @param a the first tap of the first pixel
   * @param panel the weights as [tap][in][one or two vectors]
   * @param channels how many of the panel's are wanted
   */
  static void correlate(Taps taps, int rows, int pixels, long a, long aRow, long aPixel, long panel, int channels,
      long out, long outRow,
      long outPixel) {
    // Rows that follow each other on both sides are one.
    boolean joined = aRow == pixels * aPixel && outRow == pixels * outPixel;
    int lines = joined ? 1 : rows;
    int length = joined ? rows * pixels : pixels;
    int vectors = Tiles.vectors(channels);
    long width = 4L * vectors * Tiles.LANES;
    boolean direct = 4L * channels == width && taps.calls == 1;
    long edge = direct ? 0 : Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    int tallest = Tiles.rows(vectors);
    int parts = (length + tallest - 1) / tallest;
    long bOuter = taps.inner * width;
    for (int r = 0; r < lines; r++) {
      int q = 0;
      for (int part = 0; part < parts; part++) {
        int height = Gemm.cut(length, parts, part + 1) - q;
        TileKernel kernel = Tiles.get(false, height, vectors);
        long aAt = a + r * aRow + q * aPixel;
        long outAt = out + r * outRow + q * outPixel;
        for (int call = 0; call < taps.calls; call++) {
          kernel.run(taps.outer, taps.inner, aAt + call * taps.callStride, aPixel, 0, taps.outerStride,
              panel + (long) call * taps.outer * bOuter, width, bOuter, direct ? outAt : edge,
              direct ? outPixel : width);
          if (!direct) {
            Panels.store(edge, width, outAt, outPixel, height, channels, call > 0);
          }
        }
        q += height;
      }
    }
  }
}
