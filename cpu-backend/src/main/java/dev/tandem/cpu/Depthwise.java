package dev.tandem.cpu;

/**
 * Convolutions in which every channel is a group of its own with one filter. There is no sum over channels, so that
 * tiles would use one lane of each vector; instead the lanes are channels. The weight lies as {@code [KH, KW,
 * channels]}.
 */
final class Depthwise {
  private Depthwise() {
  }

  static boolean fits(ConvShape s) {
    return s.groups() > 1 && s.groupChannels() == 1 && s.groupFilters() == 1;
  }

  /**
   * The taps over a pixel and the weights that go with them. Distances are in bytes, those of the weights negative
   * where they go backwards.
   */
  record Taps(int rows, int columns, long imageRow, long imageColumn, long weightRow, long weightColumn) {
  }

  /** One row of output pixels: the sum over the taps of image times weight, for each channel. */
  static void correlate(Taps t, int channels, int pixels, long x, long xPixel, long weight, long out, long outPixel) {
    int vectors = Lanes.AVAILABLE ? channels / Tiles.LANES * Tiles.LANES : 0;
    if (vectors > 0) {
      VectorDepthwise.correlate(t, vectors, pixels, x, xPixel, weight, out, outPixel);
    }
    for (int q = 0; q < pixels; q++) {
      for (int c = vectors; c < channels; c++) {
        float sum = 0;
        for (int a = 0; a < t.rows; a++) {
          for (int b = 0; b < t.columns; b++) {
            sum += Memory.getFloat(x + q * xPixel + a * t.imageRow + b * t.imageColumn + 4L * c)
                * Memory.getFloat(weight + a * t.weightRow + b * t.weightColumn + 4L * c);
          }
        }
        Memory.setFloat(out + q * outPixel + 4L * c, sum);
      }
    }
  }

  /** The gradient of one tap: the sum over rows and pixels of image times output gradient, for each channel. */
  static void gradient(int channels, int rows, int pixels, long x, long xRow, long xPixel, long dy, long dyRow,
      long dyPixel, long out,
      boolean accumulate) {
    int vectors = Lanes.AVAILABLE ? channels / Tiles.LANES * Tiles.LANES : 0;
    if (vectors > 0) {
      VectorDepthwise.gradient(vectors, rows, pixels, x, xRow, xPixel, dy, dyRow, dyPixel, out, accumulate);
    }
    for (int c = vectors; c < channels; c++) {
      float sum = 0;
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < pixels; q++) {
          sum += Memory.getFloat(x + r * xRow + q * xPixel + 4L * c)
              * Memory.getFloat(dy + r * dyRow + q * dyPixel + 4L * c);
        }
      }
      Memory.setFloat(out + 4L * c, accumulate ? sum + Memory.getFloat(out + 4L * c) : sum);
    }
  }
}
