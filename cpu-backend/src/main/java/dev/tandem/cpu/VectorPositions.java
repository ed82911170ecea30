package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The vector loops of {@link Fold} that look for positions, and those of ints. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorPositions {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final VectorSpecies<Integer> INTS = FloatLanes.INTS;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;

  private VectorPositions() {
  }

  /** Where the first of {@code n} elements stands that equals {@code value}, or like it is NaN; if in no vector, the number in those. */
  static int find(long address, int n, float value) {
    boolean isNaN = Float.isNaN(value);
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatVector x = FloatVector.fromMemorySegment(S, ALL, address + 4L * i & MASK, ORDER);
      VectorMask<Float> found = isNaN ? x.compare(VectorOperators.NE, x) : x.eq(value);
      if (found.anyTrue()) {
        return i + found.firstTrue();
      }
    }
    return i;
  }

  /**
   * Brings the columns of some rows, so many as make whole vectors, to the extremes so far and where they stand. NaN is beyond any
   * number.
   *
   * @param position that of the first row
   */
  static void columns(long address, long rowBytes, int rows, int n, boolean max, float[] extremes, int[] positions,
      int position) {
    if (max) {
      largest(address, rowBytes, rows, n, extremes, positions, position);
    } else {
      smallest(address, rowBytes, rows, n, extremes, positions, position);
    }
  }

  private static void largest(long address, long rowBytes, int rows, int n, float[] extremes, int[] positions,
      int position) {
    for (int j = 0; j < n; j += V) {
      FloatVector best = FloatVector.fromArray(S, extremes, j);
      IntVector at = IntVector.fromArray(INTS, positions, j);
      long from = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector x = FloatVector.fromMemorySegment(S, ALL, from + r * rowBytes & MASK, ORDER);
        VectorMask<Float> beyond = x.compare(VectorOperators.LE, best).not().and(best.eq(best));
        best = best.blend(x, beyond);
        at = at.blend(position + r, beyond.cast(INTS));
      }
      best.intoArray(extremes, j);
      at.intoArray(positions, j);
    }
  }

  private static void smallest(long address, long rowBytes, int rows, int n, float[] extremes, int[] positions,
      int position) {
    for (int j = 0; j < n; j += V) {
      FloatVector best = FloatVector.fromArray(S, extremes, j);
      IntVector at = IntVector.fromArray(INTS, positions, j);
      long from = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector x = FloatVector.fromMemorySegment(S, ALL, from + r * rowBytes & MASK, ORDER);
        VectorMask<Float> beyond = x.compare(VectorOperators.GE, best).not().and(best.eq(best));
        best = best.blend(x, beyond);
        at = at.blend(position + r, beyond.cast(INTS));
      }
      best.intoArray(extremes, j);
      at.intoArray(positions, j);
    }
  }

  /** The sum of {@code n} ints, a multiple of a vector. */
  static int sum(long address, int n) {
    IntVector a = IntVector.zero(INTS);
    for (int i = 0; i < n; i += V) {
      a = a.add(IntVector.fromMemorySegment(INTS, ALL, address + 4L * i & MASK, ORDER));
    }
    return a.reduceLanes(VectorOperators.ADD);
  }

  /** Adds the first columns of some rows, as many as make whole vectors, to {@code sums}; gives their number. */
  static int sumColumns(long address, long rowBytes, int rows, int n, int[] sums) {
    int j = 0;
    for (; j + V <= n; j += V) {
      IntVector a = IntVector.fromArray(INTS, sums, j);
      long from = address + 4L * j;
      for (int r = 0; r < rows; r++) {
        a = a.add(IntVector.fromMemorySegment(INTS, ALL, from + r * rowBytes & MASK, ORDER));
      }
      a.intoArray(sums, j);
    }
    return j;
  }
}
