package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.ConvGeometry;
import java.lang.ref.Reference;

/**
 * Convolutions by direct tiles of pixels by channels, with nothing unfolded: a padded channels-last band of an image is
 * read by the same tile kernels as a matrix, a row of taps being one run of numbers (measured for 64 to 64 channels, 3
 * x 3, 28 x 28: 7.1 ms against 10.0 for unfolding and a matrix product). Operands that lie otherwise than channels last
 * are turned band by band. The team shares bands, whose borders depend on the sizes only. Many channels under 3 x 3 taps of stride 1
 * are the work of {@link Winograd}.
 */
final class ConvKernels {
  /** Multiplications that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 18;

  private ConvKernels() {
  }

  /** {@code x, weight -> y}. */
  static Runnable prepareForward(ConvGeometry g, Call call, Team team) {
    Image x = Image.of(call.in().get(0));
    Image y = Image.of(call.out().get(0));
    ConvShape s = ConvShape.of(call.in().get(0).shape(), call.in().get(1).shape(), call.out().get(0).shape(), g);
    ConvWeights weights = new ConvWeights(call.in().get(1), s);
    return call.out().get(0).shape().size() == 0 ? () -> {
    } : () -> {
      if (y.channelsLast() && Winograd.fits(s, weights)) {
        Winograd.forward(s, x, weights, y, team);
      } else {
        forward(s, x, weights, y, team);
      }
      Reference.reachabilityFence(call);
    };
  }

  /** {@code gradOutput, weight -> gradInput}. */
  static Runnable prepareGradInput(ConvGeometry g, Call call, Team team) {
    Image dy = Image.of(call.in().get(0));
    Image dx = Image.of(call.out().get(0));
    ConvShape s = ConvShape.of(call.out().get(0).shape(), call.in().get(1).shape(), call.in().get(0).shape(), g);
    ConvWeights weights = new ConvWeights(call.in().get(1), s);
    return call.out().get(0).shape().size() == 0 ? () -> {
    } : () -> {
      if (dx.channelsLast() && Winograd.fits(s, weights)) {
        Winograd.gradInput(s, dy, weights, dx, team);
      } else {
        gradInput(s, dy, weights, dx, team);
      }
      Reference.reachabilityFence(call);
    };
  }

  /** {@code x, gradOutput -> gradWeight}. */
  static Runnable prepareGradWeight(ConvGeometry g, Call call, Team team) {
    Image x = Image.of(call.in().get(0));
    Image dy = Image.of(call.in().get(1));
    ConvShape s = ConvShape.of(call.in().get(0).shape(), call.out().get(0).shape(), call.in().get(1).shape(), g);
    ConvWeights weights = new ConvWeights(call.out().get(0), s);
    return call.out().get(0).shape().size() == 0 ? () -> {
    } : () -> {
      if (Winograd.fits(s, weights)) {
        WinogradGradWeight.run(s, x, dy, weights, team);
      } else {
        new ConvGradWeight(s, x, dy).run(weights, team);
      }
      Reference.reachabilityFence(call);
    };
  }

  private interface BandBody {
    void run(int worker, int image, int fromRow, int toRow);
  }

  /** Gives the team bands of {@code rows} rows of every image. */
  private static void eachBand(ConvShape s, int rows, int bands, Team team, BandBody body) {
    int total = Math.multiplyExact(s.images(), bands);
    int chunks = Math.clamp(s.work() / CHUNK_WORK, 1, total);
    team.run(chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        for (int i = Gemm.cut(total, chunks, chunk); i < Gemm.cut(total, chunks, chunk + 1); i++) {
          int band = i % bands;
          body.run(worker, i / bands, Gemm.cut(rows, bands, band), Gemm.cut(rows, bands, band + 1));
        }
      }
    });
  }

  /** Rows of pixels are the tiles' rows; where they join to longer ones the tallest tile does nearly all. */
  private static void warmUp(boolean depthwise, int pixels, int channels, long work) {
    if (!depthwise) {
      Tiles.warmUpOverlapping(TileKernel.Layout.OFFSETS, pixels, Tiles.vectors(Math.min(channels, Tiles.WIDTH)), work);
    }
  }

  private static void forward(ConvShape s, Image x, ConvWeights weights, Image y, Team team) {
    if (Winograd.isNext(s)) {
      Winograd.expect();
    }
    ConvGeometry g = s.geometry();
    boolean depthwise = Depthwise.fits(s);
    long panels = depthwise ? weights.channelsLast() : weights.forwardPanels(team);
    int inputs = s.groupChannels();
    int outputs = s.groupFilters();
    long taps = (long) s.taps() * inputs;
    int bands = s.bands(s.outHeight(), (long) s.width() * s.channels() * g.strideH());
    warmUp(depthwise, s.outWidth(), outputs, s.work());
    if (!depthwise) {
      ConvGradWeight.expect(s);
    }
    ConvTiles.Walks walks = new ConvTiles.Walks(team);
    eachBand(s, s.outHeight(), bands, team, new BandBody() {
      @Override
      public void run(int worker, int image, int from, int to) {
        int top = from * g.strideH() - g.paddingH();
        int bottom = (to - 1) * g.strideH() - g.paddingH() + (s.kernelH() - 1) * g.dilationH() + 1;
        int right = (s.outWidth() - 1) * g.strideW() - g.paddingW() + (s.kernelW() - 1) * g.dilationW() + 1;
        // As in ConvGradWeight: 256 to 64 channels, 1 x 1, 4.7 ms in place, 4.2 so.
        int left = -g.paddingW();
        long in = s.spreads() ? x.copy(image, top, bottom, left, right, Workspace.Slot.BAND)
            : x.band(image, top, bottom, left, right, Workspace.Slot.BAND);
        long inRow = s.spreads() ? x.copyRow(left, right) : x.bandRow(top, bottom, left, right);
        long pixel = 4L * s.channels();
        long out = output(y, image, from, to);
        long outRow = outRow(y);
        long outPixel = outPixel(y);
        if (depthwise) {
          Depthwise.Taps walk =
              new Depthwise.Taps(s.kernelH(), s.kernelW(), g.dilationH() * inRow, g.dilationW() * pixel,
                  s.kernelW() * pixel, pixel);
          for (int r = 0; r < to - from; r++) {
            Depthwise.correlate(walk, s.channels(), s.outWidth(), in + (long) r * g.strideH() * inRow,
                g.strideW() * pixel, panels, out + r * outRow, outPixel);
          }
        } else {
          ConvTiles.Taps walk = walks.of(worker, s.kernelH(), s.kernelW(), inputs, g.dilationH() * inRow,
              g.dilationW() * pixel);
          for (int group = 0; group < s.groups(); group++) {
            long groupPanels = panels + 4L * group * taps * Panels.padded(outputs);
            for (int o = 0; o < outputs; o += Tiles.WIDTH) {
              ConvTiles.correlate(walk, to - from, s.outWidth(), in + 4L * group * inputs,
                  g.strideH() * inRow,
                  g.strideW() * pixel, groupPanels + 4L * o * taps, Math.min(Tiles.WIDTH, outputs - o),
                  out + 4L * (group * outputs + o), outRow, outPixel);
            }
          }
        }
        if (!y.channelsLast()) {
          y.put(image, from, to, out);
        }
      }
    });
  }

  /** Where to compute rows of an image: in place if channels lie last there, else in this thread's workspace. */
  private static long output(Image y, int image, int from, int to) {
    return y.channelsLast() ? y.at(image, from)
        : Workspace.floats(Workspace.Slot.OUTPUT, (long) (to - from) * y.width() * y.channels());
  }

  private static long outRow(Image y) {
    return y.channelsLast() ? y.rowStride() : 4L * y.width() * y.channels();
  }

  private static long outPixel(Image y) {
    return y.channelsLast() ? y.pixelStride() : 4L * y.channels();
  }

  private static void gradInput(ConvShape s, Image dy, ConvWeights weights, Image dx, Team team) {
    ConvGeometry g = s.geometry();
    // A stride beyond the padded image acts like one of its size.
    int strideH = Math.min(g.strideH(), s.height() + 2 * g.paddingH());
    int strideW = Math.min(g.strideW(), s.width() + 2 * g.paddingW());
    ConvPhases down = new ConvPhases(strideH, g.paddingH(), g.dilationH(), s.kernelH());
    ConvPhases across = new ConvPhases(strideW, g.paddingW(), g.dilationW(), s.kernelW());
    boolean depthwise = Depthwise.fits(s);
    boolean planes = ConvPlanes.pay(s);
    long panels = depthwise ? weights.channelsLast() : weights.gradientPanels(down, across, team);
    int inputs = s.groupChannels();
    int outputs = s.groupFilters();
    long perTap = (long) outputs * Panels.padded(inputs);
    int bands = s.bands(s.height(), (long) s.outWidth() * s.filters() / strideH);
    if (planes) {
      ConvPlanes.warmUp(s);
    } else {
      warmUp(depthwise, (s.width() + strideW - 1) / strideW, inputs, s.work());
    }
    ConvTiles.Walks walks = new ConvTiles.Walks(team);
    eachBand(s, s.height(), bands, team, new BandBody() {
      @Override
      public void run(int worker, int image, int from, int to) {
        int top = down.lowest(from);
        int left = across.lowest(0);
        int bottom = down.highest(to) + 1;
        int right = across.highest(s.width()) + 1;
        long in = dy.band(image, top, bottom, left, right, Workspace.Slot.BAND);
        long inRow = dy.bandRow(top, bottom, left, right);
        long out = output(dx, image, from, to);
        long outRow = outRow(dx);
        long outPixel = outPixel(dx);
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
          if (firstRow >= to) {
            continue;
          }
          for (ConvPhases.Phase x : across.phases()) {
            if (x.first() >= s.width() || cleared && y.count() * x.count() == 0) {
              continue;
            }
            int pixels = (s.width() - x.first() + strideW - 1) / strideW;
            long a = in + (y.start() + skip - top) * inRow + (x.start() - left) * pixel;
            long c = out + (firstRow - from) * outRow + x.first() * outPixel;
            if (depthwise) {
              Depthwise.Taps walk =
                  new Depthwise.Taps(y.count(), x.count(), y.outputStep() * inRow, x.outputStep() * pixel,
                      -(long) y.tapStep() * s.kernelW() * pixel, -(long) x.tapStep() * pixel);
              long last = panels + ((long) y.highestTap() * s.kernelW() + x.highestTap()) * pixel;
              for (int r = 0; r < rows; r++) {
                Depthwise.correlate(walk, s.channels(), pixels, a + r * inRow, pixel, last,
                    c + (long) r * strideH * outRow,
                    strideW * outPixel);
              }
              continue;
            }
            if (turned != null) {
              turned.correlate(y, x, rows, pixels, y.start() + skip - top, x.start() - left,
                  panels + 4 * ConvPhases.tapsBefore(y, x, s.kernelW()) * perTap, c, strideH * outRow,
                  strideW * outPixel);
              continue;
            }
            ConvTiles.Taps walk = walks.of(worker, y.count(), x.count(), outputs, y.outputStep() * inRow,
                x.outputStep() * pixel);
            for (int group = 0; group < s.groups(); group++) {
              long phase = panels + 4 * (group * (long) s.taps() + ConvPhases.tapsBefore(y, x, s.kernelW())) * perTap;
              for (int i = 0; i < inputs; i += Tiles.WIDTH) {
                ConvTiles.correlate(walk, rows, pixels, a + 4L * group * outputs, inRow, pixel,
                    phase + 4L * i * y.count() * x.count() * outputs, Math.min(Tiles.WIDTH, inputs - i),
                    c + 4L * (group * inputs + i), strideH * outRow, strideW * outPixel);
              }
            }
          }
        }
        if (!dx.channelsLast()) {
          dx.put(image, from, to, out);
        }
      }
    });
  }
}
