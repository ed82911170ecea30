package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;

/** {@link Depthwise} in vectors of channels. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorDepthwise {
  private static final int COUNT = FloatLanes.COUNT;

  private VectorDepthwise() {
  }

  static void correlate(Depthwise.Taps t, int channels, int pixels, long x, long xPixel, long weight, long out,
      long outPixel) {
    for (int c = 0; c < channels; c += COUNT) {
      int q = 0;
      for (; q + 4 <= pixels; q += 4) {
        four(t, x + q * xPixel + 4L * c, xPixel, weight + 4L * c, out + q * outPixel + 4L * c, outPixel);
      }
      for (; q < pixels; q++) {
        one(t, x + q * xPixel + 4L * c, weight + 4L * c, out + q * outPixel + 4L * c);
      }
    }
  }

  /** Four pixels, for four independent sums and one load of each weight. */
  private static void four(Depthwise.Taps t, long x, long xPixel, long weight, long out, long outPixel) {
    FloatVector s0 = FloatVector.zero(FloatLanes.SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int a = 0; a < t.rows(); a++) {
      long p = x + a * t.imageRow();
      long v = weight + a * t.weightRow();
      for (int b = 0; b < t.columns(); b++) {
        FloatVector w = FloatLanes.load(v);
        s0 = w.fma(FloatLanes.load(p), s0);
        s1 = w.fma(FloatLanes.load(p + xPixel), s1);
        s2 = w.fma(FloatLanes.load(p + 2 * xPixel), s2);
        s3 = w.fma(FloatLanes.load(p + 3 * xPixel), s3);
        p += t.imageColumn();
        v += t.weightColumn();
      }
    }
    FloatLanes.store(out, s0);
    FloatLanes.store(out + outPixel, s1);
    FloatLanes.store(out + 2 * outPixel, s2);
    FloatLanes.store(out + 3 * outPixel, s3);
  }

  private static void one(Depthwise.Taps t, long x, long weight, long out) {
    FloatVector sum = FloatVector.zero(FloatLanes.SPECIES);
    for (int a = 0; a < t.rows(); a++) {
      for (int b = 0; b < t.columns(); b++) {
        sum = FloatLanes.load(weight + a * t.weightRow() + b * t.weightColumn())
            .fma(FloatLanes.load(x + a * t.imageRow() + b * t.imageColumn()), sum);
      }
    }
    FloatLanes.store(out, sum);
  }

  static void gradient(int channels, int rows, int pixels, long x, long xRow, long xPixel, long dy, long dyRow,
      long dyPixel, long out,
      boolean accumulate) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector s0 = FloatVector.zero(FloatLanes.SPECIES);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      for (int r = 0; r < rows; r++) {
        long p = x + r * xRow + 4L * c;
        long g = dy + r * dyRow + 4L * c;
        int q = 0;
        for (; q + 4 <= pixels; q += 4) {
          s0 = FloatLanes.load(p).fma(FloatLanes.load(g), s0);
          s1 = FloatLanes.load(p + xPixel).fma(FloatLanes.load(g + dyPixel), s1);
          s2 = FloatLanes.load(p + 2 * xPixel).fma(FloatLanes.load(g + 2 * dyPixel), s2);
          s3 = FloatLanes.load(p + 3 * xPixel).fma(FloatLanes.load(g + 3 * dyPixel), s3);
          p += 4 * xPixel;
          g += 4 * dyPixel;
        }
        for (; q < pixels; q++) {
          s0 = FloatLanes.load(p).fma(FloatLanes.load(g), s0);
          p += xPixel;
          g += dyPixel;
        }
      }
      FloatVector sum = s0.add(s1).add(s2.add(s3));
      FloatLanes.store(out + 4L * c, accumulate ? sum.add(FloatLanes.load(out + 4L * c)) : sum);
    }
  }
}
