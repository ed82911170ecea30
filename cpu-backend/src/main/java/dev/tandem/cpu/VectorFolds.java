package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The vector loops of {@link Fold}. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorFolds {
  /** Floats in a vector. */
  static final int WIDTH = FloatLanes.COUNT;
  /** Floats that the loops over rows take at a time. */
  static final int STRIDE = 4 * FloatLanes.COUNT;
  /** Whether 64 lanes are a whole number of strides. */
  static final boolean FITS = STRIDE <= 64;

  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;

  private static final float[] UNREAD = new float[4 * FloatLanes.COUNT];
  /** {@link #sumColumns}. */
  static final WarmUp SUM_COLUMNS = new WarmUp(
      times -> sumColumns(WarmUp.ZEROS, 0, WarmUp.TURNS, times > 0 ? STRIDE : 0, UNREAD), 8);

  private VectorFolds() {
  }

  /** Adds up every 16th of 64 lanes, to {@code to[at...]}. */
  static void foldLanes(float[] lanes, float[] to, int at) {
    for (int l = 0; l < 16; l += V) {
      FloatVector front = FloatVector.fromArray(S, lanes, l).add(FloatVector.fromArray(S, lanes, l + 16));
      FloatVector back = FloatVector.fromArray(S, lanes, l + 32).add(FloatVector.fromArray(S, lanes, l + 48));
      front.add(back).intoArray(to, at + l);
    }
  }

  /**
   * The largest or smallest of {@code n} elements, a multiple of a vector that is not 0. In any order, as {@link Math#max} does not
   * depend on it.
   */
  static float extreme(long address, int n, boolean max) {
    return max ? max(address, n) : min(address, n);
  }

  private static float max(long address, int n) {
    FloatVector a0 = FloatVector.fromMemorySegment(S, ALL, address & MASK, ORDER);
    int i = 0;
    if (n >= STRIDE) {
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      for (; i + STRIDE <= n; i += STRIDE) {
        long at = address + 4L * i;
        a0 = a0.max(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        a1 = a1.max(FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER));
        a2 = a2.max(FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER));
        a3 = a3.max(FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER));
      }
      a0 = a0.max(a1).max(a2.max(a3));
    }
    for (; i < n; i += V) {
      a0 = a0.max(FloatVector.fromMemorySegment(S, ALL, address + 4L * i & MASK, ORDER));
    }
    return a0.reduceLanes(VectorOperators.MAX);
  }

  private static float min(long address, int n) {
    FloatVector a0 = FloatVector.fromMemorySegment(S, ALL, address & MASK, ORDER);
    int i = 0;
    if (n >= STRIDE) {
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      for (; i + STRIDE <= n; i += STRIDE) {
        long at = address + 4L * i;
        a0 = a0.min(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        a1 = a1.min(FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER));
        a2 = a2.min(FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER));
        a3 = a3.min(FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER));
      }
      a0 = a0.min(a1).min(a2.min(a3));
    }
    for (; i < n; i += V) {
      a0 = a0.min(FloatVector.fromMemorySegment(S, ALL, address + 4L * i & MASK, ORDER));
    }
    return a0.reduceLanes(VectorOperators.MIN);
  }

  /** Sums the first columns of some rows, as many as make whole vectors; gives their number. */
  static int sumColumns(long address, long rowBytes, int rows, int n, float[] sums) {
    int j = 0;
    for (; j + STRIDE <= n; j += STRIDE) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a0 = a0.add(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        a1 = a1.add(FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER));
        a2 = a2.add(FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER));
        a3 = a3.add(FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER));
        at += rowBytes;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.zero(S);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a = a.add(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        at += rowBytes;
      }
      a.intoArray(sums, j);
    }
    return j;
  }

  /** Brings the first columns of some rows, as many as make whole vectors, to the extremes so far; gives their number. */
  static int extremeColumns(long address, long rowBytes, int rows, int n, boolean max, float[] extremes) {
    return max
        ? maxColumns(address, rowBytes, rows, n, extremes)
        : minColumns(address, rowBytes, rows, n, extremes);
  }

  private static int maxColumns(long address, long rowBytes, int rows, int n, float[] extremes) {
    int j = 0;
    for (; j + STRIDE <= n; j += STRIDE) {
      FloatVector a0 = FloatVector.fromArray(S, extremes, j);
      FloatVector a1 = FloatVector.fromArray(S, extremes, j + V);
      FloatVector a2 = FloatVector.fromArray(S, extremes, j + 2 * V);
      FloatVector a3 = FloatVector.fromArray(S, extremes, j + 3 * V);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a0 = a0.max(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        a1 = a1.max(FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER));
        a2 = a2.max(FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER));
        a3 = a3.max(FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER));
        at += rowBytes;
      }
      a0.intoArray(extremes, j);
      a1.intoArray(extremes, j + V);
      a2.intoArray(extremes, j + 2 * V);
      a3.intoArray(extremes, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.fromArray(S, extremes, j);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a = a.max(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        at += rowBytes;
      }
      a.intoArray(extremes, j);
    }
    return j;
  }

  private static int minColumns(long address, long rowBytes, int rows, int n, float[] extremes) {
    int j = 0;
    for (; j + STRIDE <= n; j += STRIDE) {
      FloatVector a0 = FloatVector.fromArray(S, extremes, j);
      FloatVector a1 = FloatVector.fromArray(S, extremes, j + V);
      FloatVector a2 = FloatVector.fromArray(S, extremes, j + 2 * V);
      FloatVector a3 = FloatVector.fromArray(S, extremes, j + 3 * V);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a0 = a0.min(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        a1 = a1.min(FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER));
        a2 = a2.min(FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER));
        a3 = a3.min(FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER));
        at += rowBytes;
      }
      a0.intoArray(extremes, j);
      a1.intoArray(extremes, j + V);
      a2.intoArray(extremes, j + 2 * V);
      a3.intoArray(extremes, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.fromArray(S, extremes, j);
      long at = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a = a.min(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER));
        at += rowBytes;
      }
      a.intoArray(extremes, j);
    }
    return j;
  }
}
