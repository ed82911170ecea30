package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link Depthwise} in vectors of channels. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorDepthwise {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
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
    FloatVector s0 = FloatVector.zero(S);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int a = 0; a < t.rows(); a++) {
      long p = x + a * t.imageRow();
      long v = weight + a * t.weightRow();
      for (int b = 0; b < t.columns(); b++) {
        FloatVector w = FloatVector.fromMemorySegment(S, ALL, v & MASK, ORDER);
        s0 = w.fma(FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER), s0);
        s1 = w.fma(FloatVector.fromMemorySegment(S, ALL, p + xPixel & MASK, ORDER), s1);
        s2 = w.fma(FloatVector.fromMemorySegment(S, ALL, p + 2 * xPixel & MASK, ORDER), s2);
        s3 = w.fma(FloatVector.fromMemorySegment(S, ALL, p + 3 * xPixel & MASK, ORDER), s3);
        p += t.imageColumn();
        v += t.weightColumn();
      }
    }
    s0.intoMemorySegment(ALL, out & MASK, ORDER);
    s1.intoMemorySegment(ALL, out + outPixel & MASK, ORDER);
    s2.intoMemorySegment(ALL, out + 2 * outPixel & MASK, ORDER);
    s3.intoMemorySegment(ALL, out + 3 * outPixel & MASK, ORDER);
  }

  private static void one(Depthwise.Taps t, long x, long weight, long out) {
    FloatVector sum = FloatVector.zero(S);
    for (int a = 0; a < t.rows(); a++) {
      for (int b = 0; b < t.columns(); b++) {
        sum = FloatVector.fromMemorySegment(S, ALL, weight + a * t.weightRow() + b * t.weightColumn() & MASK, ORDER)
            .fma(FloatVector.fromMemorySegment(S, ALL, x + a * t.imageRow() + b * t.imageColumn() & MASK, ORDER), sum);
      }
    }
    sum.intoMemorySegment(ALL, out & MASK, ORDER);
  }

  static void gradient(int channels, int rows, int pixels, long x, long xRow, long xPixel, long dy, long dyRow,
      long dyPixel, long out,
      boolean accumulate) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector s0 = FloatVector.zero(S);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      for (int r = 0; r < rows; r++) {
        long p = x + r * xRow + 4L * c;
        long g = dy + r * dyRow + 4L * c;
        int q = 0;
        for (; q + 4 <= pixels; q += 4) {
          s0 = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER)
              .fma(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER), s0);
          s1 = FloatVector.fromMemorySegment(S, ALL, p + xPixel & MASK, ORDER)
              .fma(FloatVector.fromMemorySegment(S, ALL, g + dyPixel & MASK, ORDER), s1);
          s2 = FloatVector.fromMemorySegment(S, ALL, p + 2 * xPixel & MASK, ORDER)
              .fma(FloatVector.fromMemorySegment(S, ALL, g + 2 * dyPixel & MASK, ORDER), s2);
          s3 = FloatVector.fromMemorySegment(S, ALL, p + 3 * xPixel & MASK, ORDER)
              .fma(FloatVector.fromMemorySegment(S, ALL, g + 3 * dyPixel & MASK, ORDER), s3);
          p += 4 * xPixel;
          g += 4 * dyPixel;
        }
        for (; q < pixels; q++) {
          s0 = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER)
              .fma(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER), s0);
          p += xPixel;
          g += dyPixel;
        }
      }
      FloatVector sum = s0.add(s1).add(s2.add(s3));
      (accumulate ? sum.add(FloatVector.fromMemorySegment(S, ALL, out + 4L * c & MASK, ORDER)) : sum)
          .intoMemorySegment(ALL, out + 4L * c & MASK, ORDER);
    }
  }
}
