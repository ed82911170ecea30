package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** What {@link Panels} and {@link MatrixVector} do with vectors. Loaded only when {@link Lanes#AVAILABLE}. */
final class VectorMoves {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
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
        FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).intoMemorySegment(ALL, t & MASK, ORDER);
        FloatVector.fromMemorySegment(S, ALL, f + 4L * COUNT & MASK, ORDER).intoMemorySegment(ALL,
            t + 4L * COUNT & MASK, ORDER);
      }
    } else if (width == 8 && COUNT == 16) {
      for (int r = 0; r < rows; r++) {
        copyEight(from + r * ld, to + r * lt);
      }
    } else {
      for (int r = 0; r < rows; r++) {
        for (int j = 0; j < width; j += COUNT) {
          FloatVector.fromMemorySegment(S, ALL, from + r * ld + 4L * j & MASK, ORDER).intoMemorySegment(ALL,
              to + r * lt + 4L * j & MASK, ORDER);
        }
      }
    }
  }

  /** Half a vector of 16 floats; as numbers, since a second width of float vectors would spoil {@link VectorProfiles}. */
  private static void copyEight(long from, long to) {
    long a = Memory.getLong(from);
    long b = Memory.getLong(from + 8);
    long c = Memory.getLong(from + 16);
    long d = Memory.getLong(from + 24);
    Memory.setLong(to, a);
    Memory.setLong(to + 8, b);
    Memory.setLong(to + 16, c);
    Memory.setLong(to + 24, d);
  }

  /** {@code to[r] += from[r]} for rows of the usual tile, two vectors each. */
  private static void addPairs(long from, long ld, long to, long lt, int rows) {
    for (int r = 0; r < rows; r++) {
      long f = from + r * ld;
      long t = to + r * lt;
      FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).add(FloatVector.fromMemorySegment(S, ALL, t & MASK, ORDER))
          .intoMemorySegment(ALL, t & MASK, ORDER);
      FloatVector.fromMemorySegment(S, ALL, f + 4L * COUNT & MASK, ORDER)
          .add(FloatVector.fromMemorySegment(S, ALL, t + 4L * COUNT & MASK, ORDER))
          .intoMemorySegment(ALL, t + 4L * COUNT & MASK, ORDER);
    }
  }

  /** As {@link Panels#addRows}, of rows of two vectors. */
  static void addRows(long from, long fromNumber, long fromRow, long to, long toNumber, long toRow, int[] numbers,
      int first, int rows) {
    for (int r = 0; r < rows; r++) {
      int n = numbers[first + r];
      long f = from + n * fromNumber + r * fromRow;
      long t = to + n * toNumber + r * toRow;
      FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).add(FloatVector.fromMemorySegment(S, ALL, t & MASK, ORDER))
          .intoMemorySegment(ALL, t & MASK, ORDER);
      FloatVector.fromMemorySegment(S, ALL, f + 4L * COUNT & MASK, ORDER)
          .add(FloatVector.fromMemorySegment(S, ALL, t + 4L * COUNT & MASK, ORDER))
          .intoMemorySegment(ALL, t + 4L * COUNT & MASK, ORDER);
    }
  }

  static void store(long from, long ld, long to, long lt, int rows, int cols, boolean add) {
    if (add && cols == 2 * COUNT) {
      addPairs(from, ld, to, lt, rows);
      return;
    }
    for (int r = 0; r < rows; r++) {
      long f = from + r * ld;
      long t = to + r * lt;
      int j = 0;
      if (add) {
        for (; j + COUNT <= cols; j += COUNT) {
          FloatVector.fromMemorySegment(S, ALL, f + 4L * j & MASK, ORDER)
              .add(FloatVector.fromMemorySegment(S, ALL, t + 4L * j & MASK, ORDER))
              .intoMemorySegment(ALL, t + 4L * j & MASK, ORDER);
        }
        for (; j < cols; j++) {
          Memory.setFloat(t + 4L * j, Memory.getFloat(f + 4L * j) + Memory.getFloat(t + 4L * j));
        }
      } else {
        for (; j + COUNT <= cols; j += COUNT) {
          FloatVector.fromMemorySegment(S, ALL, f + 4L * j & MASK, ORDER).intoMemorySegment(ALL, t + 4L * j & MASK,
              ORDER);
        }
        if (COUNT == 16 && j + 8 <= cols) {
          copyEight(f + 4L * j, t + 4L * j);
          j += 8;
        }
        for (; j < cols; j++) {
          Memory.setFloat(t + 4L * j, Memory.getFloat(f + 4L * j));
        }
      }
    }
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
    FloatVector s0 = FloatVector.zero(S);
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
      FloatVector u = FloatVector.fromMemorySegment(S, ALL, x + at & MASK, ORDER);
      FloatVector v = FloatVector.fromMemorySegment(S, ALL, x + next & MASK, ORDER);
      s0 = u.fma(FloatVector.fromMemorySegment(S, ALL, matrix + at & MASK, ORDER), s0);
      s1 = u.fma(FloatVector.fromMemorySegment(S, ALL, m1 + at & MASK, ORDER), s1);
      s2 = u.fma(FloatVector.fromMemorySegment(S, ALL, m2 + at & MASK, ORDER), s2);
      s3 = u.fma(FloatVector.fromMemorySegment(S, ALL, m3 + at & MASK, ORDER), s3);
      t0 = v.fma(FloatVector.fromMemorySegment(S, ALL, matrix + next & MASK, ORDER), t0);
      t1 = v.fma(FloatVector.fromMemorySegment(S, ALL, m1 + next & MASK, ORDER), t1);
      t2 = v.fma(FloatVector.fromMemorySegment(S, ALL, m2 + next & MASK, ORDER), t2);
      t3 = v.fma(FloatVector.fromMemorySegment(S, ALL, m3 + next & MASK, ORDER), t3);
    }
    s0.add(t0).intoMemorySegment(ALL, scratch & MASK, ORDER);
    float r0 = sum(scratch);
    s1.add(t1).intoMemorySegment(ALL, scratch & MASK, ORDER);
    float r1 = sum(scratch);
    s2.add(t2).intoMemorySegment(ALL, scratch & MASK, ORDER);
    float r2 = sum(scratch);
    s3.add(t3).intoMemorySegment(ALL, scratch & MASK, ORDER);
    float r3 = sum(scratch);
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
   * The sum over the lanes in {@code scratch}, halves upon halves. {@code reduceLanes(ADD)} adds in an order that differs between
   * interpreted and compiled code, so that results would depend on when a method was compiled.
   */
  private static float sum(long scratch) {
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

  /**
   * {@code to[k][i] = from[i][k]} for a square block of as many numbers as a vector has, by butterflies of lookups in two
   * vectors. Beyond {@code n} rows the last one is read again. Half of the butterflies go from the rows to {@code
   * scratch}, the others from there, each in a loop: 64 lookups in a row were more than C2 takes, and the vectors of
   * those beyond were boxed.
   *
   * @param n rows; with none nothing is done
   * @param scratch room for the block
   */
  static void transpose(long from, long ld, long to, long lt, int n, long scratch) {
    int end = n > 0 ? COUNT : 0;
    for (int g = 0; g < end; g += 4) {
      IntVector a0 = IntVector.fromMemorySegment(INTS, ALL, from + Math.min(g, n - 1) * ld & MASK, ORDER);
      IntVector a1 = IntVector.fromMemorySegment(INTS, ALL, from + Math.min(g + 1, n - 1) * ld & MASK, ORDER);
      IntVector a2 = IntVector.fromMemorySegment(INTS, ALL, from + Math.min(g + 2, n - 1) * ld & MASK, ORDER);
      IntVector a3 = IntVector.fromMemorySegment(INTS, ALL, from + Math.min(g + 3, n - 1) * ld & MASK, ORDER);
      IntVector b0 = LOW1.selectFrom(a0, a1);
      IntVector b1 = HIGH1.selectFrom(a0, a1);
      IntVector b2 = LOW1.selectFrom(a2, a3);
      IntVector b3 = HIGH1.selectFrom(a2, a3);
      long s = scratch + 4L * COUNT * g;
      LOW2.selectFrom(b0, b2).intoMemorySegment(ALL, s & MASK, ORDER);
      LOW2.selectFrom(b1, b3).intoMemorySegment(ALL, s + 4L * COUNT & MASK, ORDER);
      HIGH2.selectFrom(b0, b2).intoMemorySegment(ALL, s + 8L * COUNT & MASK, ORDER);
      HIGH2.selectFrom(b1, b3).intoMemorySegment(ALL, s + 12L * COUNT & MASK, ORDER);
    }
    // With no turns too, so that HotSpot counts the calls when nothing is done.
    int turns = n > 0 ? 4 : 0;
    if (COUNT == 16) {
      transposeFours16(scratch, to, lt, turns);
    } else {
      transposeFours8(scratch, to, lt, turns);
    }
  }

  /** What is left when 4 x 4 blocks are transposed: two distances among 16 rows. */
  private static void transposeFours16(long scratch, long to, long lt, int turns) {
    for (int g = 0; g < turns; g++) {
      long s = scratch + 4L * COUNT * g;
      IntVector c0 = IntVector.fromMemorySegment(INTS, ALL, s & MASK, ORDER);
      IntVector c1 = IntVector.fromMemorySegment(INTS, ALL, s + 16L * COUNT & MASK, ORDER);
      IntVector c2 = IntVector.fromMemorySegment(INTS, ALL, s + 32L * COUNT & MASK, ORDER);
      IntVector c3 = IntVector.fromMemorySegment(INTS, ALL, s + 48L * COUNT & MASK, ORDER);
      IntVector d0 = LOW4.selectFrom(c0, c1);
      IntVector d1 = HIGH4.selectFrom(c0, c1);
      IntVector d2 = LOW4.selectFrom(c2, c3);
      IntVector d3 = HIGH4.selectFrom(c2, c3);
      long t = to + g * lt;
      LOW8.selectFrom(d0, d2).intoMemorySegment(ALL, t & MASK, ORDER);
      LOW8.selectFrom(d1, d3).intoMemorySegment(ALL, t + 4 * lt & MASK, ORDER);
      HIGH8.selectFrom(d0, d2).intoMemorySegment(ALL, t + 8 * lt & MASK, ORDER);
      HIGH8.selectFrom(d1, d3).intoMemorySegment(ALL, t + 12 * lt & MASK, ORDER);
    }
  }

  /** The same among 8 rows. */
  private static void transposeFours8(long scratch, long to, long lt, int turns) {
    for (int g = 0; g < turns; g++) {
      long s = scratch + 4L * COUNT * g;
      IntVector c0 = IntVector.fromMemorySegment(INTS, ALL, s & MASK, ORDER);
      IntVector c1 = IntVector.fromMemorySegment(INTS, ALL, s + 16L * COUNT & MASK, ORDER);
      LOW4.selectFrom(c0, c1).intoMemorySegment(ALL, to + g * lt & MASK, ORDER);
      HIGH4.selectFrom(c0, c1).intoMemorySegment(ALL, to + (g + 4) * lt & MASK, ORDER);
    }
  }
}
