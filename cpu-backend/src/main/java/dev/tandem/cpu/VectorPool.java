package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Windows of channels-last pooling in vectors of channels. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorPool {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int COUNT = FloatLanes.COUNT;

  /** {@link #max} and {@link #maxGradient} of windows of 2 x 2. */
  static final WarmUp MAX = new WarmUp(
      times -> max(channels(times), WarmUp.ZEROS, 0, 0, 2, 2, WarmUp.OUTPUT), 6);
  static final WarmUp MAX_GRADIENT = new WarmUp(
      times -> maxGradient(channels(times), WarmUp.ZEROS, 0, 0, 2, 2, WarmUp.ZEROS, WarmUp.OUTPUT, 0, 0), 32);

  private VectorPool() {
  }

  private static int channels(int times) {
    return times > 0 ? WarmUp.TURNS * COUNT : 0;
  }

  static void max(int channels, long window, long rowStride, long pixelStride, int rows, int columns, long out) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector m = FloatVector.broadcast(S, Float.NEGATIVE_INFINITY);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          m = m.max(FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
          p += pixelStride;
        }
      }
      m.intoMemorySegment(ALL, out + 4L * c & MASK, ORDER);
    }
  }

  static void average(int channels, long window, long rowStride, long pixelStride, int rows, int columns, float divisor,
      long out) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector sum = FloatVector.zero(S);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          sum = sum.add(FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
          p += pixelStride;
        }
      }
      sum.div(divisor).intoMemorySegment(ALL, out + 4L * c & MASK, ORDER);
    }
  }

  static void maxGradient(int channels, long window, long rowStride, long pixelStride, int rows, int columns,
      long gradient, long target,
      long targetRow, long targetPixel) {
    FloatVector zero = FloatVector.zero(S);
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector m = FloatVector.broadcast(S, Float.NEGATIVE_INFINITY);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          m = m.max(FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
          p += pixelStride;
        }
      }
      // What is left to give: zero once a lane has found its maximum.
      FloatVector g = FloatVector.fromMemorySegment(S, ALL, gradient + 4L * c & MASK, ORDER);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        long t = target + 4L * c + r * targetRow;
        for (int q = 0; q < columns; q++) {
          FloatVector v = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER);
          // A NaN is unequal to itself, and then the maximum is NaN too.
          VectorMask<Float> here = v.compare(VectorOperators.EQ, m).or(v.compare(VectorOperators.NE, v));
          FloatVector.fromMemorySegment(S, ALL, t & MASK, ORDER).add(zero.blend(g, here)).intoMemorySegment(ALL,
              t & MASK, ORDER);
          g = g.blend(zero, here);
          p += pixelStride;
          t += targetPixel;
        }
      }
    }
  }

  static void averageGradient(int channels, long window, long rowStride, long pixelStride, int rows, int columns,
      float divisor,
      long gradient) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector share = FloatVector.fromMemorySegment(S, ALL, gradient + 4L * c & MASK, ORDER).div(divisor);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER).add(share).intoMemorySegment(ALL, p & MASK, ORDER);
          p += pixelStride;
        }
      }
    }
  }
}
