package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;

/** The vector loops of {@link Fold}. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorFolds {
  /** Floats that the loops over rows take at a time. */
  static final int STRIDE = 4 * FloatLanes.COUNT;
  /** Whether 64 lanes are a whole number of strides. */
  static final boolean FITS = STRIDE <= 64;

  private static final int V = FloatLanes.COUNT;

  private VectorFolds() {
  }

  /** Sums of every 64th element, of {@code n} in all, a multiple of 64, into {@code lanes}. */
  static void sumLanes(long address, int n, float[] lanes) {
    for (int p = 0; p < 64; p += STRIDE) {
      FloatVector a0 = FloatVector.zero(FloatLanes.SPECIES);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      for (int i = p; i < n; i += 64) {
        long at = address + 4L * i;
        a0 = a0.add(FloatLanes.load(at));
        a1 = a1.add(FloatLanes.load(at + 4L * V));
        a2 = a2.add(FloatLanes.load(at + 8L * V));
        a3 = a3.add(FloatLanes.load(at + 12L * V));
      }
      a0.intoArray(lanes, p);
      a1.intoArray(lanes, p + V);
      a2.intoArray(lanes, p + 2 * V);
      a3.intoArray(lanes, p + 3 * V);
    }
  }

  /** The largest or smallest of {@code n} elements, a multiple of {@link #STRIDE} that is not 0; {@code lanes} is working memory. */
  static float extreme(long address, int n, boolean max, float[] lanes) {
    FloatVector v = max ? max(address, n) : min(address, n);
    v.intoArray(lanes, 0);
    float r = lanes[0];
    for (int l = 1; l < V; l++) {
      r = max ? Math.max(r, lanes[l]) : Math.min(r, lanes[l]);
    }
    return r;
  }

  private static FloatVector max(long address, int n) {
    FloatVector a0 = FloatLanes.load(address);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    for (int i = 0; i < n; i += STRIDE) {
      long at = address + 4L * i;
      a0 = a0.max(FloatLanes.load(at));
      a1 = a1.max(FloatLanes.load(at + 4L * V));
      a2 = a2.max(FloatLanes.load(at + 8L * V));
      a3 = a3.max(FloatLanes.load(at + 12L * V));
    }
    return a0.max(a1).max(a2.max(a3));
  }

  private static FloatVector min(long address, int n) {
    FloatVector a0 = FloatLanes.load(address);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    for (int i = 0; i < n; i += STRIDE) {
      long at = address + 4L * i;
      a0 = a0.min(FloatLanes.load(at));
      a1 = a1.min(FloatLanes.load(at + 4L * V));
      a2 = a2.min(FloatLanes.load(at + 8L * V));
      a3 = a3.min(FloatLanes.load(at + 12L * V));
    }
    return a0.min(a1).min(a2.min(a3));
  }

  /** Sums the first columns of some rows, as many as make whole vectors; gives their number. */
  static int sumColumns(long address, long rowBytes, int rows, int n, float[] sums) {
    int j = 0;
    for (; j + STRIDE <= n; j += STRIDE) {
      FloatVector a0 = FloatVector.zero(FloatLanes.SPECIES);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a0 = a0.add(FloatLanes.load(at));
        a1 = a1.add(FloatLanes.load(at + 4L * V));
        a2 = a2.add(FloatLanes.load(at + 8L * V));
        a3 = a3.add(FloatLanes.load(at + 12L * V));
        at += rowBytes;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.zero(FloatLanes.SPECIES);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a = a.add(FloatLanes.load(at));
        at += rowBytes;
      }
      a.intoArray(sums, j);
    }
    return j;
  }

  /** The extremes of the first columns of some rows, as many as make whole vectors; gives their number. */
  static int extremeColumns(long address, long rowBytes, int rows, int n, boolean max, float[] extremes) {
    int j = 0;
    for (; j + V <= n; j += V) {
      (max ? maxColumn(address + 4L * j, rowBytes, rows) : minColumn(address + 4L * j, rowBytes, rows))
          .intoArray(extremes, j);
    }
    return j;
  }

  private static FloatVector maxColumn(long at, long rowBytes, int rows) {
    FloatVector a = FloatLanes.load(at);
    for (int r = 1; r < rows; r++) {
      at += rowBytes;
      a = a.max(FloatLanes.load(at));
    }
    return a;
  }

  private static FloatVector minColumn(long at, long rowBytes, int rows) {
    FloatVector a = FloatLanes.load(at);
    for (int r = 1; r < rows; r++) {
      at += rowBytes;
      a = a.min(FloatLanes.load(at));
    }
    return a;
  }
}
