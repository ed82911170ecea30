package dev.tandem.cpu;

import dev.tandem.core.op.ConvGeometry;

/** The gradient of a convolution by its image: each {@linkplain ConvPhases phase} is a convolution of the output gradient. */
final class ConvGradInput extends ConvBands {
  private final Image dy;
  private final Image dx;
  private final ConvPhases down;
  private final ConvPhases across;
  private final int strideH;
  private final int strideW;
  private final boolean planes;
  private final long panels;
  private final long perTap;

  ConvGradInput(ConvShape s, Image dy, ConvWeights weights, Image dx, Team team) {
    super(s, dx, s.bands(s.height(), (long) s.outWidth() * s.filters() / strideH(s)), team);
    this.dy = dy;
    this.dx = dx;
    ConvGeometry g = s.geometry();
    strideH = strideH(s);
    strideW = Math.min(g.strideW(), s.width() + 2 * g.paddingW());
    down = new ConvPhases(strideH, g.paddingH(), g.dilationH(), s.kernelH());
    across = new ConvPhases(strideW, g.paddingW(), g.dilationW(), s.kernelW());
    planes = ConvPlanes.pay(s);
    panels = depthwise ? weights.channelsLast() : weights.gradientPanels(down, across, team);
    perTap = (long) s.groupFilters() * Panels.padded(s.groupChannels());
    if (planes) {
      ConvPlanes.warmUp(s);
    } else {
      warmUp((s.width() + strideW - 1) / strideW, s.groupChannels());
    }
  }

  /** A stride beyond the padded image acts like one of its size. */
  private static int strideH(ConvShape s) {
    return Math.min(s.geometry().strideH(), s.height() + 2 * s.geometry().paddingH());
  }

  @Override
  void band(int worker, int image, int from, int to, long out, long outRow, long outPixel) {
    int top = down.lowest(from);
    int left = across.lowest(0);
    int bottom = down.highest(to) + 1;
    int right = across.highest(s.width()) + 1;
    long in = dy.band(image, top, bottom, left, right, Workspace.Slot.BAND);
    long inRow = dy.bandRow(top, bottom, left, right);
    long pixel = 4L * s.filters();
    ConvPlanes turned = planes ? ConvPlanes.of(s, in, inRow, bottom - top, right - left) : null;
    // Written once, in order, what no tap reaches (measured for 64 to 128 channels, 1 x 1 of stride 2: 3.7 ms as empty
    // tiles, 2.8 so).
    boolean cleared = down.leavesOut() || across.leavesOut();
    if (cleared) {
      dx.clear(out, outRow, to - from, outPixel);
    }
    for (ConvPhases.Phase y : down.phases()) {
      // The first row of the phase inside the band.
      int skip = Math.max(0, (from - y.first() + strideH - 1) / strideH);
      int firstRow = y.first() + skip * strideH;
      int rows = (to - firstRow + strideH - 1) / strideH;
      for (ConvPhases.Phase x : across.phases()) {
        if (firstRow >= to || x.first() >= s.width() || cleared && y.count() * x.count() == 0) {
          continue;
        }
        int pixels = (s.width() - x.first() + strideW - 1) / strideW;
        int row = y.start() + skip - top;
        int column = x.start() - left;
        long a = in + row * inRow + column * pixel;
        long c = out + (firstRow - from) * outRow + x.first() * outPixel;
        if (depthwise) {
          depthwise(y, x, rows, pixels, a, inRow, c, strideH * outRow, strideW * outPixel);
        } else if (turned != null) {
          turned.correlate(y, x, rows, pixels, row, column,
              panels + 4 * ConvPhases.tapsBefore(y, x, s.kernelW()) * perTap, c, strideH * outRow, strideW * outPixel);
        } else {
          tiles(worker, y, x, rows, pixels, a, inRow, c, strideH * outRow, strideW * outPixel);
        }
      }
    }
  }

  private void depthwise(ConvPhases.Phase y, ConvPhases.Phase x, int rows, int pixels, long a, long aRow, long c,
      long cRow, long cPixel) {
    long pixel = 4L * s.filters();
    Depthwise.Taps taps = new Depthwise.Taps(y.count(), x.count(), y.outputStep() * aRow, x.outputStep() * pixel,
        -(long) y.tapStep() * s.kernelW() * pixel, -(long) x.tapStep() * pixel);
    long last = panels + ((long) y.highestTap() * s.kernelW() + x.highestTap()) * pixel;
    for (int r = 0; r < rows; r++) {
      Depthwise.correlate(taps, s.channels(), pixels, a + r * aRow, pixel, last, c + r * cRow, cPixel);
    }
  }

  private void tiles(int worker, ConvPhases.Phase y, ConvPhases.Phase x, int rows, int pixels, long a, long aRow,
      long c, long cRow, long cPixel) {
    long pixel = 4L * s.filters();
    int inputs = s.groupChannels();
    int outputs = s.groupFilters();
    ConvTiles.Taps taps =
        walks.of(worker, y.count(), x.count(), outputs, y.outputStep() * aRow, x.outputStep() * pixel);
    for (int group = 0; group < s.groups(); group++) {
      long phase = panels + 4 * (group * (long) s.taps() + ConvPhases.tapsBefore(y, x, s.kernelW())) * perTap;
      for (int i = 0; i < inputs; i += Tiles.WIDTH) {
        ConvTiles.correlate(taps, rows, pixels, a + 4L * group * outputs, aRow, pixel,
            phase + 4L * i * y.count() * x.count() * outputs, Math.min(Tiles.WIDTH, inputs - i),
            c + 4L * (group * inputs + i), cRow, cPixel);
      }
    }
  }
}
