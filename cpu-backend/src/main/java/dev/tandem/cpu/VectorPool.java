package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Windows of channels-last pooling in vectors of channels. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorPool {
  private static final int COUNT = FloatLanes.COUNT;

  private VectorPool() {
  }

  static void max(int channels, long window, long rowStride, long pixelStride, int rows, int columns, long out) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatLanes.store(out + 4L * c, max(window + 4L * c, rowStride, pixelStride, rows, columns));
    }
  }

  private static FloatVector max(long at, long rowStride, long pixelStride, int rows, int columns) {
    FloatVector m = FloatVector.broadcast(FloatLanes.SPECIES, Float.NEGATIVE_INFINITY);
    for (int r = 0; r < rows; r++) {
      long p = at + r * rowStride;
      for (int q = 0; q < columns; q++) {
        m = m.max(FloatLanes.load(p));
        p += pixelStride;
      }
    }
    return m;
  }

  static void average(int channels, long window, long rowStride, long pixelStride, int rows, int columns, float divisor,
      long out) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector sum = FloatVector.zero(FloatLanes.SPECIES);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          sum = sum.add(FloatLanes.load(p));
          p += pixelStride;
        }
      }
      FloatLanes.store(out + 4L * c, sum.div(divisor));
    }
  }

  static void maxGradient(int channels, long window, long rowStride, long pixelStride, int rows, int columns,
      long gradient, long target,
      long targetRow, long targetPixel) {
    FloatVector zero = FloatVector.zero(FloatLanes.SPECIES);
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector m = max(window + 4L * c, rowStride, pixelStride, rows, columns);
      // What is left to give: zero once a lane has found its maximum.
      FloatVector g = FloatLanes.load(gradient + 4L * c);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        long t = target + 4L * c + r * targetRow;
        for (int q = 0; q < columns; q++) {
          FloatVector v = FloatLanes.load(p);
          // A NaN is unequal to itself, and then the maximum is NaN too.
          VectorMask<Float> here = v.compare(VectorOperators.EQ, m).or(v.compare(VectorOperators.NE, v));
          FloatLanes.store(t, FloatLanes.load(t).add(zero.blend(g, here)));
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
      FloatVector share = FloatLanes.load(gradient + 4L * c).div(divisor);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          FloatLanes.store(p, FloatLanes.load(p).add(share));
          p += pixelStride;
        }
      }
    }
  }
}
