package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class PoolKernelsTest {
  private static final Team[] TEAMS = {new Team(1), new Team(2), new Team(3)};

  @AfterAll
  static void close() {
    for (Team t : TEAMS) {
      t.close();
    }
  }

  private static Layout images(Shape shape, int kind) {
    return switch (kind) {
      case 0 -> Layout.contiguous(shape);
      case 1 -> StridedFloats.layout(shape, 0, 1, 0, 2, 3, 1);
      case 2 -> StridedFloats.layout(shape, 5, 1, 0, 2, 3, 1);
      default -> StridedFloats.layout(shape, 1, 2, 2, 0, 1, 3);
    };
  }

  private static void check(String what, PoolGeometry g, StridedFloats x, StridedFloats y, StridedFloats dy,
      StridedFloats dx) {
    int h = x.shape().dim(2);
    int w = x.shape().dim(3);
    int oh = y.shape().dim(2);
    int ow = y.shape().dim(3);
    double[] output = new double[(int) y.shape().size()];
    double[] gradient = new double[(int) x.shape().size()];
    for (int e = 0; e < output.length; e++) {
      int plane = e / ow / oh;
      int top = e / ow % oh * g.strideH() - g.paddingH();
      int left = e % ow * g.strideW() - g.paddingW();
      int best = -1;
      int inside = 0;
      double sum = 0;
      for (int pass = 0; pass < 2; pass++) {
        double divisor = g.kind() == PoolGeometry.Kind.AVERAGE ? g.kernelH() * g.kernelW() : inside;
        for (int r = Math.max(0, top); r < Math.min(h, top + g.kernelH()); r++) {
          for (int q = Math.max(0, left); q < Math.min(w, left + g.kernelW()); q++) {
            int at = (plane * h + r) * w + q;
            if (pass == 1) {
              gradient[at] += g.kind() == PoolGeometry.Kind.MAX ? at == best ? dy.get(e) : 0 : dy.get(e) / divisor;
              continue;
            }
            inside++;
            sum += x.get(at);
            if (best < 0 || !Float.isNaN(x.get(best)) && (x.get(at) > x.get(best) || Float.isNaN(x.get(at)))) {
              best = at;
            }
          }
        }
        output[e] = g.kind() == PoolGeometry.Kind.MAX ? x.get(best) : sum / divisor;
      }
    }
    float[] firstOutput = null;
    float[] firstGradient = null;
    for (Team team : TEAMS) {
      StridedFloats gotY = y.copy();
      StridedFloats gotX = dx.copy();
      PoolKernels.prepareForward(g, new Call(new Pool2d(g), List.of(x.operand()), List.of(gotY.operand()), null), team)
          .run();
      PoolKernels
          .prepareGrad(g,
              new Call(new Pool2dGrad(g), List.of(x.operand(), dy.operand()), List.of(gotX.operand()), null), team)
          .run();
      gotY.assertNothingElseWritten(what);
      gotX.assertNothingElseWritten(what);
      if (firstOutput == null) {
        firstOutput = gotY.toArray();
        firstGradient = gotX.toArray();
        assertClose(what + " output", firstOutput, output);
        assertClose(what + " gradient", firstGradient, gradient);
      } else {
        assertThat(Arrays.mismatch(firstOutput, gotY.toArray())).as("%s on %d threads", what, team.size())
            .isEqualTo(-1);
        assertThat(Arrays.mismatch(firstGradient, gotX.toArray())).as("%s on %d threads", what, team.size())
            .isEqualTo(-1);
      }
    }
  }

  private static void assertClose(String what, float[] got, double[] expected) {
    for (int i = 0; i < got.length; i++) {
      // At most 16 numbers below 1 are added, each addition rounding once.
      double error = 16 * 16 * 0x1p-24;
      if (Double.isNaN(expected[i]) && !Float.isNaN(got[i]) || Math.abs(got[i] - expected[i]) > error
          || Float.isNaN(got[i]) && !Double.isNaN(expected[i])) {
        assertThat((double) got[i]).as("%s at %d", what, i).isCloseTo(expected[i], Offset.offset(error));
      }
    }
  }

  @Test
  void poolsEveryKindInEveryLayout() {
    long seed = 31;
    SplittableRandom random = new SplittableRandom(seed);
    int[] channels = {1, 3, 8, 15, 16, 17, 35};
    int done = 0;
    while (done < 300) {
      int kh = random.nextInt(1, 5);
      int kw = random.nextInt(1, 5);
      PoolGeometry g =
          new PoolGeometry(PoolGeometry.Kind.values()[done % 3], kh, kw, random.nextInt(1, 5), random.nextInt(1, 5),
              random.nextInt(0, kh / 2 + 1), random.nextInt(0, kw / 2 + 1));
      int h = random.nextInt(1, 20);
      int w = random.nextInt(1, 20);
      if (h + 2 * g.paddingH() < kh || w + 2 * g.paddingW() < kw) {
        continue;
      }
      Shape x = Shape.of(random.nextInt(1, 4), channels[random.nextInt(channels.length)], h, w);
      Shape y = x.with(2, (h + 2 * g.paddingH() - kh) / g.strideH() + 1).with(3,
          (w + 2 * g.paddingW() - kw) / g.strideW() + 1);
      StridedFloats xv = StridedFloats.random(random, images(x, random.nextInt(4)));
      for (int i = 0; i < x.size(); i++) {
        // Ties, and here and there no number.
        xv.set(i, random.nextInt(40) == 0 ? Float.NaN : Math.round(xv.get(i) * 4) / 4f);
      }
      String what = "seed " + seed + " case " + done++ + " " + x + " " + g;
      check(what, g, xv, StridedFloats.random(random, images(y, random.nextInt(4))),
          StridedFloats.random(random, images(y, random.nextInt(4))),
          StridedFloats.random(random, images(x, random.nextInt(4))));
    }
  }

  /** Windows of 2 x 2, with and without pixels that no window has, and of 3 x 3 that overlap, in vectors. */
  @Test
  void poolsTheUsualWindows() {
    long seed = 33;
    SplittableRandom random = new SplittableRandom(seed);
    for (int kernel = 2; kernel <= 3; kernel++) {
      for (int stride = 2; stride <= 3; stride++) {
        for (int side : new int[] {4, 7, 12}) {
          for (int channels : new int[] {16, 32, 41}) {
            int padding = channels == 32 ? 0 : kernel - 2;
            PoolGeometry g = new PoolGeometry(PoolGeometry.Kind.MAX, kernel, kernel, stride, stride, padding, padding);
            if (Lanes.AVAILABLE) {
              // Until they are compiled other loops do their work.
              WarmUp.await(MaxPool.forwardWarmUps(g));
              WarmUp.await(MaxPool.gradientWarmUps(g));
            }
            Shape x = Shape.of(2, channels, side, side + 1);
            Shape y = x.with(2, (side + 2 * padding - kernel) / stride + 1).with(3,
                (side + 1 + 2 * padding - kernel) / stride + 1);
            StridedFloats xv = StridedFloats.random(random, images(x, random.nextInt(4)));
            for (int i = 0; i < x.size(); i++) {
              xv.set(i, random.nextInt(40) == 0 ? Float.NaN : Math.round(xv.get(i) * 4) / 4f);
            }
            check("seed " + seed + " " + x + " " + g, g, xv, StridedFloats.random(random, images(y, random.nextInt(4))),
                StridedFloats.random(random, images(y, random.nextInt(4))),
                StridedFloats.random(random, images(x, random.nextInt(4))));
          }
        }
      }
    }
  }

  @Test
  void negativeInfinityIsAMaximum() {
    SplittableRandom random = new SplittableRandom(32);
    Shape x = Shape.of(1, 18, 4, 4);
    Shape y = Shape.of(1, 18, 2, 2);
    StridedFloats xv = StridedFloats.random(random, images(x, 1));
    for (int i = 0; i < x.size(); i++) {
      xv.set(i, Float.NEGATIVE_INFINITY);
    }
    StridedFloats got = StridedFloats.random(random, images(x, 1));
    StridedFloats dy = StridedFloats.random(random, images(y, 1));
    PoolGeometry g = PoolGeometry.of(PoolGeometry.Kind.MAX, 2);
    PoolKernels.prepareGrad(g,
        new Call(new Pool2dGrad(g), List.of(xv.operand(), dy.operand()), List.of(got.operand()), null), TEAMS[0]).run();
    for (int i = 0; i < x.size(); i++) {
      int r = i / 4 % 4;
      int q = i % 4;
      float expected = r % 2 == 0 && q % 2 == 0 ? dy.get(i / 16 * 4 + r / 2 * 2 + q / 2) : 0;
      assertThat(got.get(i)).as("at %d", i).isEqualTo(expected);
    }
  }

  private static void fill(SplittableRandom random, Image image, int pitch) {
    // Ties, zeros of both signs, and here and there infinity or no number.
    float[] values = {-1, -0f, 0, 0, 1, 2, 2, Float.NEGATIVE_INFINITY};
    for (int i = 0; i < image.height() * image.width() * pitch; i++) {
      Memory.setFloat(image.address() + 4L * i,
          random.nextInt(30) == 0 ? Float.NaN : values[random.nextInt(values.length)]);
    }
  }

  private static Image image(CpuStorage s, int channels, int pitch, int height, int width) {
    return new Image(s.address(), 1, channels, height, width, 0, 4, 4L * pitch * width, 4L * pitch);
  }

  private static int[] bits(CpuStorage s, int n) {
    int[] bits = new int[n];
    for (int i = 0; i < n; i++) {
      bits[i] = Memory.getInt(s.address() + 4L * i);
    }
    return bits;
  }

  /** With pixels that follow each other and with gaps, and so many of them in a row that channels are done in parts. */
  @Test
  void arraysGiveTheBitsOfVectors() {
    assumeThat(Lanes.AVAILABLE).isTrue();
    long seed = 34;
    SplittableRandom random = new SplittableRandom(seed);
    int[][] windows = {{2, 2, 2, 2, 0}, {2, 2, 3, 2, 0}, {2, 2, 1, 1, 1}, {3, 3, 2, 2, 1}, {3, 3, 2, 2, 0},
        {3, 3, 1, 1, 1}, {3, 2, 1, 2, 1}, {4, 4, 1, 1, 2}, {5, 5, 2, 1, 2}, {5, 3, 4, 6, 1}, {1, 1, 2, 2, 0}};
    int channels = 2 * Tiles.LANES;
    for (int[] w : windows) {
      for (int pitch : new int[] {channels, channels + 3}) {
        for (int width : new int[] {7, 12, w[0] == 4 || w[1] == 2 ? 1300 : 8}) {
          int height = 9;
          PoolGeometry g = new PoolGeometry(PoolGeometry.Kind.MAX, w[0], w[1], w[2], w[3], w[4], w[1] == 1 ? 0 : w[4]);
          int rows = (height + 2 * g.paddingH() - w[0]) / w[2] + 1;
          int columns = (width + 2 * g.paddingW() - w[1]) / w[3] + 1;
          int inputs = height * width * pitch;
          int outputs = rows * columns * pitch;
          CpuStorage x = new CpuStorage(DType.F32, inputs);
          CpuStorage dy = new CpuStorage(DType.F32, outputs);
          fill(random, image(x, channels, pitch, height, width), pitch);
          for (int i = 0; i < outputs; i++) {
            Memory.setFloat(dy.address() + 4L * i, (float) random.nextGaussian());
          }
          int[][] got = new int[4][];
          for (int twin = 0; twin < 2; twin++) {
            CpuStorage y = new CpuStorage(DType.F32, outputs);
            CpuStorage dx = new CpuStorage(DType.F32, inputs);
            Memory.copy(x.address(), dx.address(), 4L * inputs);
            Image in = image(x, channels, pitch, height, width);
            Image out = image(y, channels, pitch, rows, columns);
            Image given = image(dy, channels, pitch, rows, columns);
            Image gradient = image(dx, channels, pitch, height, width);
            // The vectors of the first half of the channels, and both ways of the second.
            int first = twin == 0 ? channels : Tiles.LANES;
            MaxPool.forward(g, in, out, first);
            MaxPool.gradient(g, in, given, gradient, first);
            ScalarPool.forward(g, in, out, first);
            ScalarPool.gradient(g, in, given, gradient, first);
            if (twin == 1) {
              // And all of them.
              int[] half = bits(y, outputs);
              int[] halfGradient = bits(dx, inputs);
              ScalarPool.forward(g, in, out, 0);
              ScalarPool.gradient(g, in, given, gradient, 0);
              assertThat(bits(y, outputs)).isEqualTo(half);
              assertThat(bits(dx, inputs)).isEqualTo(halfGradient);
            }
            got[twin] = bits(y, outputs);
            got[2 + twin] = bits(dx, inputs);
          }
          String what = "seed " + seed + " " + g + " " + width + " wide, a pixel of " + pitch;
          assertThat(Arrays.mismatch(got[1], got[0])).as(what).isEqualTo(-1);
          assertThat(Arrays.mismatch(got[3], got[2])).as(what + " gradient").isEqualTo(-1);
        }
      }
    }
  }
}
