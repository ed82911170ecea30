package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector loops of {@link Fold}. Loaded only when {@link Lanes#AVAILABLE}.
 *
 * <p>Extremes are found among ints in the order of the floats, with the bits that {@link Math#max} gives: those of a
 * float, all but the sign inverted if it is negative; less {@link #NANS}, so that the NaNs with a sign, which were
 * least, become greatest as the others are. The larger of two is one instruction; {@code FloatVector.max} and
 * comparisons are chains of several, each waiting for the last (windows of 3 x 3, 8 images of 64 x 112 x 112 in the
 * cache: 0.36 ms instead of 0.8 and 0.9). What a loop carries is made by {@code broadcast} in the method: begun with a
 * constant of the class it was an object in every turn, at four times the time.
 */
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
  private static final VectorSpecies<Integer> INTS = FloatLanes.INTS;
  static final IntVector ALL_BUT_SIGN = IntVector.broadcast(INTS, Integer.MAX_VALUE);
  private static final int NANS_OF_A_SIGN = 0x7FFFFF;
  static final IntVector NANS = IntVector.broadcast(INTS, NANS_OF_A_SIGN);

  /** Columns that make a row wide: 16 vectors of 16, for a loop over them to be worth its beginning. */
  private static final int WIDE = 256;

  private static final float[] UNREAD = new float[WarmUp.TURNS * V];
  // A vector more than a stride: C2 leaves out a loop that no run has seen, and sums of 32 columns then made objects.
  private static final WarmUp SUM_NARROW = new WarmUp(
      turns -> sumNarrowColumns(WarmUp.ZEROS, 0, turns, turns > 0 ? STRIDE + V : 0, UNREAD), 10);
  private static final WarmUp SUM_WIDE =
      new WarmUp(turns -> sumEightRows(WarmUp.ZEROS, 0, Math.max(turns, 0) * V, UNREAD), 11);

  // Elements of small sums; threads may lose some of each other's.
  private static long narrow;
  private static long wide;

  private VectorFolds() {
  }

  /** What {@link #sumColumns} wants for rows of {@code n}. */
  static WarmUp warmUpOfSums(long n) {
    return n < WIDE ? SUM_NARROW : SUM_WIDE;
  }

  /** Whether {@link #sumColumns} is to do so much, or still a twin; that it is wanted has it compiled after a while. */
  static boolean sumsColumns(int rows, int n) {
    WarmUp sums = warmUpOfSums(n);
    if (sums.isReady()) {
      return true;
    }
    long wanted = n < WIDE ? narrow += (long) rows * n : (wide += (long) rows * n);
    if (wanted >= WarmUp.ELEMENTS) {
      sums.begin();
    }
    return false;
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
   * The largest or smallest of {@code n} elements, a multiple of a vector that is not 0. In any order: the result does
   * not depend on it.
   */
  static float extreme(long address, int n, boolean max) {
    // All bits inverted, the smallest is the largest.
    IntVector turn = IntVector.broadcast(INTS, max ? 0 : -1);
    IntVector a0 = IntVector.broadcast(INTS, Integer.MIN_VALUE);
    int i = 0;
    if (n >= STRIDE) {
      IntVector a1 = a0;
      IntVector a2 = a0;
      IntVector a3 = a0;
      for (; i + STRIDE <= n; i += STRIDE) {
        long at = address + 4L * i;
        IntVector v0 = IntVector.fromMemorySegment(INTS, ALL, at & MASK, ORDER);
        IntVector v1 = IntVector.fromMemorySegment(INTS, ALL, at + 4L * V & MASK, ORDER);
        IntVector v2 = IntVector.fromMemorySegment(INTS, ALL, at + 8L * V & MASK, ORDER);
        IntVector v3 = IntVector.fromMemorySegment(INTS, ALL, at + 12L * V & MASK, ORDER);
        a0 = a0.max(v0.lanewise(VectorOperators.XOR, v0.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS));
        a1 = a1.max(v1.lanewise(VectorOperators.XOR, v1.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS));
        a2 = a2.max(v2.lanewise(VectorOperators.XOR, v2.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS));
        a3 = a3.max(v3.lanewise(VectorOperators.XOR, v3.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS));
      }
      a0 = a0.max(a1).max(a2.max(a3));
    }
    for (; i < n; i += V) {
      IntVector v = IntVector.fromMemorySegment(INTS, ALL, address + 4L * i & MASK, ORDER);
      a0 = a0.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
          .lanewise(VectorOperators.XOR, turn).sub(NANS));
    }
    return extreme(a0.reduceLanes(VectorOperators.MAX), max);
  }

  /** The float that an int stands for. */
  static float extreme(int key, boolean max) {
    int bits = key + NANS_OF_A_SIGN ^ (max ? 0 : -1);
    return Float.intBitsToFloat(bits ^ bits >> 31 & Integer.MAX_VALUE);
  }

  /**
   * Sums the first columns of some rows, as many as make whole vectors; gives their number. Of wide rows some are read
   * at a time from end to end, as memory likes it (1024 x 1024: 57 us instead of 90); of narrow ones that would be
   * short loops. Either way a column is added from the first row to the last.
   */
  static int sumColumns(long address, long rowBytes, int rows, int n, float[] sums) {
    if (n < WIDE) {
      return sumNarrowColumns(address, rowBytes, rows, n, sums);
    }
    Arrays.fill(sums, 0, n, 0);
    int whole = n - n % V;
    int r = 0;
    for (; r + 8 <= rows; r += 8) {
      sumEightRows(address + r * rowBytes, rowBytes, whole, sums);
    }
    for (; r < rows; r++) {
      for (int j = 0; j < whole; j += V) {
        FloatVector.fromArray(S, sums, j)
            .add(FloatVector.fromMemorySegment(S, ALL, address + r * rowBytes + 4L * j & MASK, ORDER))
            .intoArray(sums, j);
      }
    }
    return whole;
  }

  /** Adds {@code n} columns, a multiple of a vector. */
  private static void sumEightRows(long address, long rowBytes, int n, float[] sums) {
    long row4 = address + 4 * rowBytes;
    for (int j = 0; j < n; j += V) {
      long at = address + 4L * j;
      long next = row4 + 4L * j;
      FloatVector.fromArray(S, sums, j).add(FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, at + rowBytes & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, at + 2 * rowBytes & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, at + 3 * rowBytes & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, next & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, next + rowBytes & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, next + 2 * rowBytes & MASK, ORDER))
          .add(FloatVector.fromMemorySegment(S, ALL, next + 3 * rowBytes & MASK, ORDER)).intoArray(sums, j);
    }
  }

  private static int sumNarrowColumns(long address, long rowBytes, int rows, int n, float[] sums) {
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

  /**
   * The extremes of the first columns of some rows, as many as make whole vectors; gives their number.
   *
   * @param keys what stands for the {@linkplain #extreme(int, boolean) extremes}
   */
  static int extremeColumns(long address, long rowBytes, int rows, int n, boolean max, int[] keys) {
    IntVector turn = IntVector.broadcast(INTS, max ? 0 : -1);
    Arrays.fill(keys, 0, n, Integer.MIN_VALUE);
    int whole = n - n % V;
    // In fours, of which the last are the last row again.
    for (int r = 0; r < rows; r += 4) {
      long row = address + r * rowBytes;
      long row1 = Math.min(1, rows - 1 - r) * rowBytes;
      long row2 = Math.min(2, rows - 1 - r) * rowBytes;
      long row3 = Math.min(3, rows - 1 - r) * rowBytes;
      for (int j = 0; j < whole; j += V) {
        long at = row + 4L * j;
        IntVector v0 = IntVector.fromMemorySegment(INTS, ALL, at & MASK, ORDER);
        IntVector v1 = IntVector.fromMemorySegment(INTS, ALL, at + row1 & MASK, ORDER);
        IntVector v2 = IntVector.fromMemorySegment(INTS, ALL, at + row2 & MASK, ORDER);
        IntVector v3 = IntVector.fromMemorySegment(INTS, ALL, at + row3 & MASK, ORDER);
        v0 = v0.lanewise(VectorOperators.XOR, v0.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS);
        v1 = v1.lanewise(VectorOperators.XOR, v1.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS);
        v2 = v2.lanewise(VectorOperators.XOR, v2.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS);
        v3 = v3.lanewise(VectorOperators.XOR, v3.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN))
            .lanewise(VectorOperators.XOR, turn).sub(NANS);
        IntVector.fromArray(INTS, keys, j).max(v0.max(v1)).max(v2.max(v3)).intoArray(keys, j);
      }
    }
    return whole;
  }
}
