package dev.tandem.cpu;

import dev.tandem.core.op.ConvGeometry;

/** The forward pass of a convolution by direct tiles. */
final class ConvForward extends ConvBands {
  private final Image x;
  private final ConvGeometry g;
  private final long panels;

  ConvForward(ConvShape s, Image x, ConvWeights weights, Image y, Team team) {
    super(s, y, s.bands(s.outHeight(), (long) s.width() * s.channels() * s.geometry().strideH()), team);
    this.x = x;
    g = s.geometry();
    if (Winograd.isNext(s)) {
      Winograd.expect();
    }
    panels = depthwise ? weights.channelsLast() : weights.forwardPanels(team);
    warmUp(s.outWidth(), s.groupFilters());
    if (!depthwise) {
      ConvGradWeight.expect(s);
    }
  }

  @Override
  void band(int worker, int image, int from, int to, long out, long outRow, long outPixel) {
    int top = s.firstRow(from);
    int bottom = s.endRow(to);
    int left = -g.paddingW();
    int right = s.endColumn();
    // As in ConvGradWeight: 256 to 64 channels, 1 x 1, 4.7 ms in place, 4.2 so.
    long in = s.spreads() ? x.copy(image, top, bottom, left, right, Workspace.Slot.BAND)
        : x.band(image, top, bottom, left, right, Workspace.Slot.BAND);
    long inRow = s.spreads() ? x.copyRow(left, right) : x.bandRow(top, bottom, left, right);
    if (depthwise) {
      depthwise(to - from, in, inRow, out, outRow, outPixel);
    } else {
      tiles(worker, to - from, in, inRow, out, outRow, outPixel);
    }
  }

  private void depthwise(int rows, long in, long inRow, long out, long outRow, long outPixel) {
    long pixel = 4L * s.channels();
    Depthwise.Taps taps = new Depthwise.Taps(s.kernelH(), s.kernelW(), g.dilationH() * inRow, g.dilationW() * pixel,
        s.kernelW() * pixel, pixel);
    for (int r = 0; r < rows; r++) {
      Depthwise.correlate(taps, s.channels(), s.outWidth(), in + (long) r * g.strideH() * inRow, g.strideW() * pixel,
          panels, out + r * outRow, outPixel);
    }
  }

  private void tiles(int worker, int rows, long in, long inRow, long out, long outRow, long outPixel) {
    long pixel = 4L * s.channels();
    int inputs = s.groupChannels();
    int outputs = s.groupFilters();
    long depth = (long) s.taps() * inputs;
    ConvTiles.Taps taps =
        walks.of(worker, s.kernelH(), s.kernelW(), inputs, g.dilationH() * inRow, g.dilationW() * pixel);
    for (int group = 0; group < s.groups(); group++) {
      long groupPanels = panels + 4L * group * depth * Panels.padded(outputs);
      for (int o = 0; o < outputs; o += Tiles.WIDTH) {
        ConvTiles.correlate(taps, rows, s.outWidth(), in + 4L * group * inputs, g.strideH() * inRow,
            g.strideW() * pixel, groupPanels + 4L * o * depth, Math.min(Tiles.WIDTH, outputs - o),
            out + 4L * (group * outputs + o), outRow, outPixel);
      }
    }
  }
}
