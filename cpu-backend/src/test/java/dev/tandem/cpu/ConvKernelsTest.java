package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.Op;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class ConvKernelsTest {
  private static final Team[] TEAMS = {new Team(1), new Team(2), new Team(3)};
  private static final int[] CHANNELS = {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 50};

  @AfterAll
  static void close() {
    for (Team t : TEAMS) {
      t.close();
    }
  }

  /** The three sums, each product going to all of them. */
  private static final class Naive {
    final double[] y;
    final double[] dx;
    final double[] dw;
    /** Sums of magnitudes, which rounding errors are measured by. */
    final double[] yScale;
    final double[] dxScale;
    final double[] dwScale;

    Naive(ConvGeometry g, StridedFloats x, StridedFloats w, StridedFloats dy) {
      Shape xs = x.shape();
      Shape ws = w.shape();
      Shape ys = dy.shape();
      float[] xv = x.toArray();
      float[] wv = w.toArray();
      float[] dv = dy.toArray();
      y = new double[dv.length];
      dx = new double[xv.length];
      dw = new double[wv.length];
      yScale = new double[dv.length];
      dxScale = new double[xv.length];
      dwScale = new double[wv.length];
      int inputs = ws.dim(1);
      for (int e = 0; e < dv.length; e++) {
        int q = e % ys.dim(3);
        int p = e / ys.dim(3) % ys.dim(2);
        int o = e / ys.dim(3) / ys.dim(2) % ys.dim(1);
        int image = e / ys.dim(3) / ys.dim(2) / ys.dim(1);
        for (int c = 0; c < inputs; c++) {
          int channel = o / (ys.dim(1) / g.groups()) * inputs + c;
          for (int a = 0; a < ws.dim(2); a++) {
            for (int b = 0; b < ws.dim(3); b++) {
              int r = p * g.strideH() - g.paddingH() + a * g.dilationH();
              int s = q * g.strideW() - g.paddingW() + b * g.dilationW();
              if (r < 0 || s < 0 || r >= xs.dim(2) || s >= xs.dim(3)) {
                continue;
              }
              int xi = ((image * xs.dim(1) + channel) * xs.dim(2) + r) * xs.dim(3) + s;
              int wi = ((o * inputs + c) * ws.dim(2) + a) * ws.dim(3) + b;
              y[e] += (double) xv[xi] * wv[wi];
              yScale[e] += Math.abs((double) xv[xi] * wv[wi]);
              dx[xi] += (double) dv[e] * wv[wi];
              dxScale[xi] += Math.abs((double) dv[e] * wv[wi]);
              dw[wi] += (double) dv[e] * xv[xi];
              dwScale[wi] += Math.abs((double) dv[e] * xv[xi]);
            }
          }
        }
      }
    }
  }

  private static void check(String what, Op op, StridedFloats a, StridedFloats b, StridedFloats out, double[] expected,
      double[] scale) {
    float[] first = null;
    for (Team team : TEAMS) {
      StridedFloats got = out.copy();
      Call call = new Call(op, List.of(a.operand(), b.operand()), List.of(got.operand()), null);
      Runnable prepared = switch (op) {
        case Conv2d c -> ConvKernels.prepareForward(c.geometry(), call, team);
        case Conv2dGradInput c -> ConvKernels.prepareGradInput(c.geometry(), call, team);
        case Conv2dGradWeight c -> ConvKernels.prepareGradWeight(c.geometry(), call, team);
        default -> throw new IllegalArgumentException(op.name());
      };
      prepared.run();
      got.assertNothingElseWritten(what);
      if (first == null) {
        first = got.toArray();
        for (int e = 0; e < first.length; e++) {
          // Sums of up to some thousand products: their rounding errors add up like a random walk, well below this.
          double error = scale[e] * 64 * 0x1p-24;
          if (!(Math.abs(first[e] - expected[e]) <= error)) {
            assertThat((double) first[e]).as("%s of %s at %d", op.name(), what, e).isCloseTo(expected[e],
                Offset.offset(error));
          }
        }
      } else {
        assertThat(Arrays.mismatch(first, got.toArray()))
            .as("%s of %s: first element that differs on %d threads", op.name(), what,
                team.size())
            .isEqualTo(-1);
      }
    }
  }

  /** Contiguous, channels last, both with gaps, and an odd order. */
  private static Layout images(Shape shape, int kind) {
    return switch (kind) {
      case 0 -> Layout.contiguous(shape);
      case 1 -> StridedFloats.layout(shape, 0, 1, 0, 2, 3, 1);
      case 2 -> StridedFloats.layout(shape, 5, 1, 0, 1, 2, 3);
      case 3 -> StridedFloats.layout(shape, 5, 1, 0, 2, 3, 1);
      case 4 -> StridedFloats.layout(shape, 0, 2, 2, 0, 1, 3);
      default -> StridedFloats.layout(shape, 1, 1, 3, 1, 2, 0);
    };
  }

  private static void checkAll(String name, SplittableRandom random, ConvGeometry g, Shape x, Shape w, boolean plain) {
    int[] kinds = new int[3];
    for (int i = 0; i < 3; i++) {
      kinds[i] = plain ? random.nextInt(2) : random.nextInt(6);
    }
    checkAll(name, random, g, x, w, kinds);
  }

  private static void checkAll(String name, SplittableRandom random, ConvGeometry g, Shape x, Shape w, int[] kinds) {
    int oh = g.outputHeight(x.dim(2), w.dim(2));
    int ow = g.outputWidth(x.dim(3), w.dim(3));
    Shape y = Shape.of(x.dim(0), w.dim(0), oh, ow);
    String what = name + " " + x + " * " + w + " " + g + " kinds " + Arrays.toString(kinds);
    StridedFloats xv = StridedFloats.random(random, images(x, kinds[0]));
    StridedFloats wv = StridedFloats.random(random, images(w, kinds[1]));
    StridedFloats yv = StridedFloats.random(random, images(y, kinds[2]));
    Naive n = new Naive(g, xv, wv, yv);
    check(what, new Conv2d(g), xv, wv, yv, n.y, n.yScale);
    check(what, new Conv2dGradInput(g, x.dim(2), x.dim(3)), yv, wv, xv, n.dx, n.dxScale);
    check(what, new Conv2dGradWeight(g, w.dim(2), w.dim(3)), xv, yv, wv, n.dw, n.dwScale);
  }

  @Test
  void convolvesEveryGeometryInEveryLayout() {
    long seed = 21;
    SplittableRandom random = new SplittableRandom(seed);
    int done = 0;
    while (done < 250) {
      boolean easy = random.nextInt(3) == 0;
      int groups = easy || random.nextBoolean() ? 1 : random.nextInt(1, 5);
      int inputs = CHANNELS[random.nextInt(groups == 1 ? CHANNELS.length : 5)];
      int outputs = CHANNELS[random.nextInt(groups == 1 ? CHANNELS.length : 5)];
      if (groups > 1 && random.nextBoolean()) {
        groups = CHANNELS[random.nextInt(CHANNELS.length)];
        inputs = 1;
        outputs = random.nextInt(1, 3);
      }
      int kh = random.nextInt(1, 5);
      int kw = random.nextInt(1, 5);
      ConvGeometry g =
          new ConvGeometry(random.nextInt(1, 4), random.nextInt(1, 4), random.nextInt(0, 4), random.nextInt(0, 4),
              easy ? 1 : random.nextInt(1, 4), easy ? 1 : random.nextInt(1, 4), groups);
      int h = random.nextInt(1, 14);
      int w = random.nextInt(1, 14);
      if (h + 2 * g.paddingH() < g.dilationH() * (kh - 1) + 1 || w + 2 * g.paddingW() < g.dilationW() * (kw - 1) + 1) {
        continue;
      }
      checkAll("seed " + seed + " case " + done++, random, g, Shape.of(random.nextInt(1, 4), groups * inputs, h, w),
          Shape.of(groups * outputs, inputs, kh, kw), false);
    }
  }

  /** Enough images and rows that chunks, bands, partial sums and blocks of pixels come in. */
  @Test
  void convolvesLargerImages() {
    SplittableRandom random = new SplittableRandom(22);
    checkAll("many images", random, ConvGeometry.of(1, 1), Shape.of(18, 20, 14, 14), Shape.of(40, 20, 3, 3), true);
    checkAll("one large image", random, ConvGeometry.of(1, 1), Shape.of(1, 24, 61, 50), Shape.of(33, 24, 3, 3), true);
    checkAll("stride 2", random, ConvGeometry.of(2, 1), Shape.of(3, 16, 41, 40), Shape.of(32, 16, 3, 3), true);
    checkAll("pixels as rows", random, ConvGeometry.of(1, 0), Shape.of(4, 40, 20, 20), Shape.of(48, 40, 1, 1), true);
    checkAll("many weights", random, ConvGeometry.of(1, 1), Shape.of(2, 200, 5, 5), Shape.of(210, 200, 3, 3), true);
    checkAll("depthwise", random, new ConvGeometry(1, 1, 1, 1, 1, 1, 40), Shape.of(3, 40, 30, 30),
        Shape.of(40, 1, 3, 3), true);
    checkAll("many channels", random, ConvGeometry.of(2, 0), Shape.of(2, 1100, 3, 3), Shape.of(20, 1100, 1, 1), true);
    checkAll("first layer", random, ConvGeometry.of(2, 3), Shape.of(2, 3, 64, 64), Shape.of(32, 3, 7, 7), true);
  }

  @Test
  void tapsBeyondTheReachOfOffsetsAreSummedOneByOne() {
    ConvTiles.Taps far = ConvTiles.Taps.of(2, 3, 4, 1L << 31, 64);
    assertThat(far.calls()).isEqualTo(6);
    assertThat(far.inner()).isEqualTo(4);
    assertThat(far.start(5)).isEqualTo((1L << 31) + 128);
    assertThat(ConvTiles.Taps.of(2, 3, 4, 1 << 30, 64).calls()).isEqualTo(1);

    int channels = 20;
    int pixels = 11;
    int filters = Tiles.WIDTH - 3;
    long pixel = 4L * channels;
    long row = (pixels + 2) * pixel;
    ConvTiles.Taps joined = ConvTiles.Taps.of(2, 3, channels, row, pixel);
    ConvTiles.Taps apart = new ConvTiles.Taps(6, 3, channels, Tiles.steps(channels), row, pixel);
    SplittableRandom random = new SplittableRandom(27);
    try (Arena arena = Arena.ofConfined()) {
      long image = floats(arena, random, 3 * row / 4);
      long panel = floats(arena, random, 6L * channels * Tiles.WIDTH);
      long[] out = {floats(arena, random, 2L * pixels * filters), floats(arena, random, 2L * pixels * filters)};
      ConvTiles.correlate(joined, 2, pixels, image, row, pixel, panel, filters, out[0], 4L * pixels * filters,
          4L * filters);
      ConvTiles.correlate(apart, 2, pixels, image, row, pixel, panel, filters, out[1], 4L * pixels * filters,
          4L * filters);
      for (int e = 0; e < 2 * pixels * filters; e++) {
        // Sums of 120 products of magnitude below 1 in two orders.
        assertThat(Memory.getFloat(out[1] + 4L * e)).as("seed 27, element %d", e)
            .isCloseTo(Memory.getFloat(out[0] + 4L * e), Offset.offset(120 * 120 * 0x1p-24f));
      }
    }
  }

  private static long floats(Arena arena, SplittableRandom random, long count) {
    long at = Memory.allocate(arena, 4 * count, 4L * Tiles.WIDTH, Allocation.Use.KERNEL, "floats").address();
    for (long i = 0; i < count; i++) {
      Memory.setFloat(at + 4 * i, (float) random.nextDouble(-1, 1));
    }
    return at;
  }

  /** {@link ConvPlanes}: one to four channels, every stride, rows joined and padded, taps apart, phases without taps. */
  @Test
  void differentiatesImagesOfFewChannels() {
    SplittableRandom random = new SplittableRandom(26);
    for (int channels = 1; channels <= 4; channels++) {
      for (int stride = 1; stride <= 3; stride++) {
        for (int kernel : new int[] {1, 2, 3, 5}) {
          int padding = random.nextInt(0, kernel);
          int dilation = random.nextInt(1, 3);
          Shape x = Shape.of(2, channels, random.nextInt(9, 24), random.nextInt(9, 40));
          Shape w = Shape.of(16 + random.nextInt(0, 30), channels, kernel, kernel);
          ConvGeometry g = new ConvGeometry(stride, stride, padding, padding, dilation, dilation, 1);
          Shape y = Shape.of(2, w.dim(0), g.outputHeight(x.dim(2), kernel), g.outputWidth(x.dim(3), kernel));
          assertThat(ConvPlanes.pay(ConvShape.of(x, w, y, g))).isTrue();
          checkAll("seed 26, few channels", random, g, x, w, random.nextBoolean());
        }
      }
    }
  }

  /**
   * {@link Winograd}: odd and even sizes, every padding, several blocks of tiles, channels last with and without gaps, the sums of the
   * weight gradient apart and, of the last, together.
   */
  @Test
  void filtersMinimally() {
    SplittableRandom random = new SplittableRandom(25);
    int[][] kinds = {{1, 0, 1}, {3, 0, 3}, {0, 0, 1}, {1, 0, 3}, {4, 0, 1}, {3, 0, 2}};
    Shape[] images = {Shape.of(9, 32, 7, 5), Shape.of(3, 48, 12, 12), Shape.of(2, 32, 9, 40), Shape.of(50, 64, 3, 3),
        Shape.of(5, 32, 13, 8), Shape.of(1, 96, 16, 23)};
    int[] filters = {32, 64, 48, 32, 80, 96};
    for (int i = 0; i < images.length; i++) {
      ConvGeometry g = new ConvGeometry(1, 1, i % 3, (i + i / 3) % 3, 1, 1, 1);
      Shape w = Shape.of(filters[i], images[i].dim(1), 3, 3);
      Shape y = Shape.of(images[i].dim(0), filters[i], g.outputHeight(images[i].dim(2), 3),
          g.outputWidth(images[i].dim(3), 3));
      ConvWeights weights = new ConvWeights(StridedFloats.random(random, images(w, 0)).operand(),
          ConvShape.of(images[i], w, y, g));
      assertThat(Winograd.fits(ConvShape.of(images[i], w, y, g), weights)).as("%s * %s", images[i], w)
          .isEqualTo(Lanes.AVAILABLE && Tiles.LANES % Tiles.ROWS == 0);
      checkAll("minimal " + i, random, g, images[i], w, kinds[i]);
    }
  }

  @Test
  void aStrideBeyondTheImageSeesOneWindow() {
    SplittableRandom random = new SplittableRandom(23);
    checkAll("far", random, new ConvGeometry(1 << 30, 1 << 30, 1, 1, 1, 1, 1), Shape.of(2, 3, 5, 5),
        Shape.of(4, 3, 3, 3), true);
  }

  @Test
  void noImagesGiveAZeroGradientOfTheWeight() {
    SplittableRandom random = new SplittableRandom(24);
    checkAll("no images", random, ConvGeometry.of(1, 1), Shape.of(0, 3, 5, 5), Shape.of(4, 3, 3, 3), true);
    checkAll("no filters", random, ConvGeometry.of(1, 1), Shape.of(2, 3, 5, 5), Shape.of(0, 3, 3, 3), true);
    checkAll("no channels", random, ConvGeometry.of(1, 1), Shape.of(2, 0, 5, 5), Shape.of(4, 0, 3, 3), true);
  }
}
