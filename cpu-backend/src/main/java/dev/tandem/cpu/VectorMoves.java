package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** What {@link Panels} and {@link MatrixVector} do with vectors. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorMoves {
  private static final int COUNT = FloatLanes.COUNT;
  // Transposed as integers: a lookup on floats converts its indices.
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  // Lookups of the butterflies: lanes exchanged at distance 1, 2, 4, 8.
  private static final IntVector LOW1 = lookup(1, false);
  private static final IntVector HIGH1 = lookup(1, true);
  private static final IntVector LOW2 = lookup(2, false);
  private static final IntVector HIGH2 = lookup(2, true);
  private static final IntVector LOW4 = lookup(4, false);
  private static final IntVector HIGH4 = lookup(4, true);
  private static final IntVector LOW8 = lookup(8, false);
  private static final IntVector HIGH8 = lookup(8, true);

  private VectorMoves() {
  }

  /**
   * Of two vectors seen as rows of 2 x 2 blocks of {@code distance}: the indices of the transposed blocks' upper or
   * lower row.
   */
  private static IntVector lookup(int distance, boolean high) {
    int[] from = new int[COUNT];
    if (distance < COUNT) {
      for (int l = 0; l < COUNT; l++) {
        boolean right = (l & distance) != 0;
        from[l] = high ? right ? COUNT + l : l + distance : right ? COUNT + l - distance : l;
      }
    }
    return IntVector.fromArray(INTS, from, 0);
  }

  static void copyRows(long from, long ld, long to, long lt, int rows, int width) {
    if (width == 2 * COUNT) {
      for (int r = 0; r < rows; r++) {
        long f = from + r * ld;
        long t = to + r * lt;
        FloatLanes.store(t, FloatLanes.load(f));
        FloatLanes.store(t + 4L * COUNT, FloatLanes.load(f + 4L * COUNT));
      }
    } else if (width == 8 && COUNT == 16) {
      for (int r = 0; r < rows; r++) {
        copy8(from + r * ld, to + r * lt);
      }
    } else {
      for (int r = 0; r < rows; r++) {
        for (int j = 0; j < width; j += COUNT) {
          FloatLanes.store(to + r * lt + 4L * j, FloatLanes.load(from + r * ld + 4L * j));
        }
      }
    }
  }

  static void store(long from, long ld, long to, long lt, int rows, int cols, boolean add) {
    for (int r = 0; r < rows; r++) {
      long f = from + r * ld;
      long t = to + r * lt;
      int j = 0;
      if (add) {
        for (; j + COUNT <= cols; j += COUNT) {
          FloatLanes.store(t + 4L * j, FloatLanes.load(f + 4L * j).add(FloatLanes.load(t + 4L * j)));
        }
        for (; j < cols; j++) {
          Memory.setFloat(t + 4L * j, Memory.getFloat(f + 4L * j) + Memory.getFloat(t + 4L * j));
        }
      } else {
        for (; j + COUNT <= cols; j += COUNT) {
          FloatLanes.store(t + 4L * j, FloatLanes.load(f + 4L * j));
        }
        if (COUNT == 16 && j + 8 <= cols) {
          copy8(f + 4L * j, t + 4L * j);
          j += 8;
        }
        for (; j < cols; j++) {
          Memory.setFloat(t + 4L * j, Memory.getFloat(f + 4L * j));
        }
      }
    }
  }

  private static void copy8(long from, long to) {
    FloatVector.fromMemorySegment(FloatVector.SPECIES_256, Memory.ALL, from & Memory.MASK, FloatLanes.ORDER)
        .intoMemorySegment(Memory.ALL, to & Memory.MASK, FloatLanes.ORDER);
  }

  /**
   * The dot products of {@code x[0..k)} with up to 4 rows of a matrix, {@code ld} apart, to {@code y}, {@code yStride}
   * apart.
   *
   * @param scratch room for a vector
   */
  static void dots(int rows, int k, long x, long matrix, long ld, long y, long yStride, boolean add, long scratch) {
    // Fewer than 4 rows: the first is computed again, and not stored.
    long m1 = matrix + (rows > 1 ? ld : 0);
    long m2 = matrix + (rows > 2 ? 2 * ld : 0);
    long m3 = matrix + (rows > 3 ? 3 * ld : 0);
    // Two sums for each row: eight chains hide the latency of FMA.
    FloatVector s0 = FloatVector.zero(FloatLanes.SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector t0 = s0;
    FloatVector t1 = s0;
    FloatVector t2 = s0;
    FloatVector t3 = s0;
    int p = 0;
    for (; p + 2 * COUNT <= k; p += 2 * COUNT) {
      long at = 4L * p;
      long next = at + 4L * COUNT;
      FloatVector u = FloatLanes.load(x + at);
      FloatVector v = FloatLanes.load(x + next);
      s0 = u.fma(FloatLanes.load(matrix + at), s0);
      s1 = u.fma(FloatLanes.load(m1 + at), s1);
      s2 = u.fma(FloatLanes.load(m2 + at), s2);
      s3 = u.fma(FloatLanes.load(m3 + at), s3);
      t0 = v.fma(FloatLanes.load(matrix + next), t0);
      t1 = v.fma(FloatLanes.load(m1 + next), t1);
      t2 = v.fma(FloatLanes.load(m2 + next), t2);
      t3 = v.fma(FloatLanes.load(m3 + next), t3);
    }
    float r0 = sum(s0.add(t0), scratch);
    float r1 = sum(s1.add(t1), scratch);
    float r2 = sum(s2.add(t2), scratch);
    float r3 = sum(s3.add(t3), scratch);
    for (; p < k; p++) {
      float v = Memory.getFloat(x + 4L * p);
      r0 += v * Memory.getFloat(matrix + 4L * p);
      r1 += v * Memory.getFloat(m1 + 4L * p);
      r2 += v * Memory.getFloat(m2 + 4L * p);
      r3 += v * Memory.getFloat(m3 + 4L * p);
    }
    put(y, r0, add);
    if (rows > 1) {
      put(y + yStride, r1, add);
    }
    if (rows > 2) {
      put(y + 2 * yStride, r2, add);
    }
    if (rows > 3) {
      put(y + 3 * yStride, r3, add);
    }
  }

  /**
   * The sum over the lanes, halves upon halves. {@code reduceLanes(ADD)} adds in an order that differs between
   * interpreted and compiled code, so that results would depend on when a method was compiled.
   */
  private static float sum(FloatVector v, long scratch) {
    FloatLanes.store(scratch, v);
    for (int half = COUNT / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; l++) {
        Memory.setFloat(scratch + 4L * l,
            Memory.getFloat(scratch + 4L * l) + Memory.getFloat(scratch + 4L * (l + half)));
      }
    }
    return Memory.getFloat(scratch);
  }

  private static void put(long y, float value, boolean add) {
    Memory.setFloat(y, add ? Memory.getFloat(y) + value : value);
  }

  private static IntVector row(long from, long ld, int row, int n) {
    return IntVector.fromMemorySegment(INTS, Memory.ALL, from + Math.min(row, n - 1) * ld & Memory.MASK,
        FloatLanes.ORDER);
  }

  private static void put(IntVector v, long to) {
    v.intoMemorySegment(Memory.ALL, to & Memory.MASK, FloatLanes.ORDER);
  }

  /**
   * 8 x 8 numbers in registers, by butterflies of lookups in two vectors: {@code to[k][i] = from[i][k]}. Beyond {@code
   * n} rows the last one is read again.
   */
  static void transpose8(long from, long ld, long to, long lt, int n) {
    IntVector a0 = row(from, ld, 0, n);
    IntVector a1 = row(from, ld, 1, n);
    IntVector a2 = row(from, ld, 2, n);
    IntVector a3 = row(from, ld, 3, n);
    IntVector a4 = row(from, ld, 4, n);
    IntVector a5 = row(from, ld, 5, n);
    IntVector a6 = row(from, ld, 6, n);
    IntVector a7 = row(from, ld, 7, n);
    IntVector b0 = LOW1.selectFrom(a0, a1);
    IntVector b1 = HIGH1.selectFrom(a0, a1);
    IntVector b2 = LOW1.selectFrom(a2, a3);
    IntVector b3 = HIGH1.selectFrom(a2, a3);
    IntVector b4 = LOW1.selectFrom(a4, a5);
    IntVector b5 = HIGH1.selectFrom(a4, a5);
    IntVector b6 = LOW1.selectFrom(a6, a7);
    IntVector b7 = HIGH1.selectFrom(a6, a7);
    IntVector c0 = LOW2.selectFrom(b0, b2);
    IntVector c2 = HIGH2.selectFrom(b0, b2);
    IntVector c1 = LOW2.selectFrom(b1, b3);
    IntVector c3 = HIGH2.selectFrom(b1, b3);
    IntVector c4 = LOW2.selectFrom(b4, b6);
    IntVector c6 = HIGH2.selectFrom(b4, b6);
    IntVector c5 = LOW2.selectFrom(b5, b7);
    IntVector c7 = HIGH2.selectFrom(b5, b7);
    put(LOW4.selectFrom(c0, c4), to);
    put(HIGH4.selectFrom(c0, c4), to + 4 * lt);
    put(LOW4.selectFrom(c1, c5), to + 1 * lt);
    put(HIGH4.selectFrom(c1, c5), to + 5 * lt);
    put(LOW4.selectFrom(c2, c6), to + 2 * lt);
    put(HIGH4.selectFrom(c2, c6), to + 6 * lt);
    put(LOW4.selectFrom(c3, c7), to + 3 * lt);
    put(HIGH4.selectFrom(c3, c7), to + 7 * lt);
  }

  /**
   * 16 x 16 numbers in registers, by butterflies of lookups in two vectors: {@code to[k][i] = from[i][k]}. Beyond
   * {@code n} rows the last one is read again.
   */
  static void transpose16(long from, long ld, long to, long lt, int n) {
    IntVector a0 = row(from, ld, 0, n);
    IntVector a1 = row(from, ld, 1, n);
    IntVector a2 = row(from, ld, 2, n);
    IntVector a3 = row(from, ld, 3, n);
    IntVector a4 = row(from, ld, 4, n);
    IntVector a5 = row(from, ld, 5, n);
    IntVector a6 = row(from, ld, 6, n);
    IntVector a7 = row(from, ld, 7, n);
    IntVector a8 = row(from, ld, 8, n);
    IntVector a9 = row(from, ld, 9, n);
    IntVector a10 = row(from, ld, 10, n);
    IntVector a11 = row(from, ld, 11, n);
    IntVector a12 = row(from, ld, 12, n);
    IntVector a13 = row(from, ld, 13, n);
    IntVector a14 = row(from, ld, 14, n);
    IntVector a15 = row(from, ld, 15, n);
    IntVector b0 = LOW1.selectFrom(a0, a1);
    IntVector b1 = HIGH1.selectFrom(a0, a1);
    IntVector b2 = LOW1.selectFrom(a2, a3);
    IntVector b3 = HIGH1.selectFrom(a2, a3);
    IntVector b4 = LOW1.selectFrom(a4, a5);
    IntVector b5 = HIGH1.selectFrom(a4, a5);
    IntVector b6 = LOW1.selectFrom(a6, a7);
    IntVector b7 = HIGH1.selectFrom(a6, a7);
    IntVector b8 = LOW1.selectFrom(a8, a9);
    IntVector b9 = HIGH1.selectFrom(a8, a9);
    IntVector b10 = LOW1.selectFrom(a10, a11);
    IntVector b11 = HIGH1.selectFrom(a10, a11);
    IntVector b12 = LOW1.selectFrom(a12, a13);
    IntVector b13 = HIGH1.selectFrom(a12, a13);
    IntVector b14 = LOW1.selectFrom(a14, a15);
    IntVector b15 = HIGH1.selectFrom(a14, a15);
    IntVector c0 = LOW2.selectFrom(b0, b2);
    IntVector c2 = HIGH2.selectFrom(b0, b2);
    IntVector c1 = LOW2.selectFrom(b1, b3);
    IntVector c3 = HIGH2.selectFrom(b1, b3);
    IntVector c4 = LOW2.selectFrom(b4, b6);
    IntVector c6 = HIGH2.selectFrom(b4, b6);
    IntVector c5 = LOW2.selectFrom(b5, b7);
    IntVector c7 = HIGH2.selectFrom(b5, b7);
    IntVector c8 = LOW2.selectFrom(b8, b10);
    IntVector c10 = HIGH2.selectFrom(b8, b10);
    IntVector c9 = LOW2.selectFrom(b9, b11);
    IntVector c11 = HIGH2.selectFrom(b9, b11);
    IntVector c12 = LOW2.selectFrom(b12, b14);
    IntVector c14 = HIGH2.selectFrom(b12, b14);
    IntVector c13 = LOW2.selectFrom(b13, b15);
    IntVector c15 = HIGH2.selectFrom(b13, b15);
    IntVector d0 = LOW4.selectFrom(c0, c4);
    IntVector d4 = HIGH4.selectFrom(c0, c4);
    IntVector d1 = LOW4.selectFrom(c1, c5);
    IntVector d5 = HIGH4.selectFrom(c1, c5);
    IntVector d2 = LOW4.selectFrom(c2, c6);
    IntVector d6 = HIGH4.selectFrom(c2, c6);
    IntVector d3 = LOW4.selectFrom(c3, c7);
    IntVector d7 = HIGH4.selectFrom(c3, c7);
    IntVector d8 = LOW4.selectFrom(c8, c12);
    IntVector d12 = HIGH4.selectFrom(c8, c12);
    IntVector d9 = LOW4.selectFrom(c9, c13);
    IntVector d13 = HIGH4.selectFrom(c9, c13);
    IntVector d10 = LOW4.selectFrom(c10, c14);
    IntVector d14 = HIGH4.selectFrom(c10, c14);
    IntVector d11 = LOW4.selectFrom(c11, c15);
    IntVector d15 = HIGH4.selectFrom(c11, c15);
    put(LOW8.selectFrom(d0, d8), to);
    put(HIGH8.selectFrom(d0, d8), to + 8 * lt);
    put(LOW8.selectFrom(d1, d9), to + 1 * lt);
    put(HIGH8.selectFrom(d1, d9), to + 9 * lt);
    put(LOW8.selectFrom(d2, d10), to + 2 * lt);
    put(HIGH8.selectFrom(d2, d10), to + 10 * lt);
    put(LOW8.selectFrom(d3, d11), to + 3 * lt);
    put(HIGH8.selectFrom(d3, d11), to + 11 * lt);
    put(LOW8.selectFrom(d4, d12), to + 4 * lt);
    put(HIGH8.selectFrom(d4, d12), to + 12 * lt);
    put(LOW8.selectFrom(d5, d13), to + 5 * lt);
    put(HIGH8.selectFrom(d5, d13), to + 13 * lt);
    put(LOW8.selectFrom(d6, d14), to + 6 * lt);
    put(HIGH8.selectFrom(d6, d14), to + 14 * lt);
    put(LOW8.selectFrom(d7, d15), to + 7 * lt);
    put(HIGH8.selectFrom(d7, d15), to + 15 * lt);
  }
}
