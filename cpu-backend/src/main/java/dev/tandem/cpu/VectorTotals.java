package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector loops of {@link RowTotals}: of every row, 16 lanes of what whole vectors hold. Loaded only when
 * {@link Lanes#AVAILABLE}.
 *
 * <p>Other rows are done before the lanes of one are read: a load from what was just stored waits for the store, and what the
 * processor could do of the next rows meanwhile waits with it.
 */
final class VectorTotals {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;
  /** Floats that a loop takes at a time. */
  private static final int STRIDE = VectorFolds.STRIDE;
  private static final int LANES = RowTotals.LANES;
  private static final int LEFT = RowTotals.LEFT;
  /** How many rows before, an even number, lanes have arrived where they can be read without waiting. */
  private static final int BEHIND = 4;

  /** Vector operations in a turn of the longest loop. */
  private static final int OPERATIONS = 20;
  /** For the lanes of some rows. */
  private static final float[] UNREAD = new float[2 * LANES];
  private static final double[] TOTALS = new double[2 * LANES / LEFT];
  private static final float[] CENTER = new float[1];
  static final WarmUp WARM_UP_OF_SUMS =
      new WarmUp(times -> sums(WarmUp.ZEROS, 0, 7, elements(times), UNREAD, UNREAD, TOTALS), OPERATIONS);
  static final List<WarmUp> WARM_UPS = List.of(WARM_UP_OF_SUMS,
      new WarmUp(times -> squares(WarmUp.ZEROS, 0, 1, elements(times), CENTER, UNREAD, UNREAD), OPERATIONS),
      new WarmUp(
          times -> products(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, 1, elements(times), CENTER, UNREAD, UNREAD,
              UNREAD, UNREAD),
          OPERATIONS),
      new WarmUp(times -> weighted(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, WarmUp.ZEROS, 1, elements(times), CENTER,
          UNREAD, UNREAD, UNREAD, UNREAD), OPERATIONS));

  // Elements of sums; threads may lose some of each other's.
  private static long summed;

  private VectorTotals() {
  }

  /** Whether {@link #sums} is to do so much, or still a twin; that it is wanted has it compiled after a while. */
  static boolean sumsRows(int rows, int n) {
    if (WARM_UP_OF_SUMS.isReady()) {
      return true;
    }
    summed += (long) rows * n;
    if (summed >= WarmUp.ELEMENTS) {
      WARM_UP_OF_SUMS.begin();
    }
    return false;
  }

  private static int elements(int times) {
    return Math.max(0, times) * LANES;
  }

  /**
   * Of {@code x}.
   *
   * @param totals where the lanes of the first rows come together already
   * @return of how many rows
   */
  static int sums(long x, long rowBytes, int rows, int n, float[] work, float[] lanes, double[] totals) {
    int whole = n & -LANES;
    int vectors = n & -V;
    int pairs = V == LEFT ? rows & -2 : 0;
    int done = pairs(x, rowBytes, pairs, n, lanes, totals);
    for (int r = pairs; r < rows; r++) {
      long row = x + r * rowBytes;
      for (int p = 0; p < LANES; p += STRIDE) {
        FloatVector a0 = FloatVector.zero(S);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int j = p; j < whole; j += LANES) {
          long at = 4L * j;
          a0 = a0.add(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER));
          a1 = a1.add(FloatVector.fromMemorySegment(S, ALL, row + at + 4L * V & MASK, ORDER));
          a2 = a2.add(FloatVector.fromMemorySegment(S, ALL, row + at + 8L * V & MASK, ORDER));
          a3 = a3.add(FloatVector.fromMemorySegment(S, ALL, row + at + 12L * V & MASK, ORDER));
        }
        if (V == LEFT) {
          a0 = a0.add(a1).add(a2.add(a3));
          for (int i = whole; i < vectors; i += V) {
            long at = 4L * i;
            a0 = a0.add(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER));
          }
          a0.intoArray(lanes, LEFT * r);
        } else {
          a0.intoArray(work, p);
          a1.intoArray(work, p + V);
          a2.intoArray(work, p + 2 * V);
          a3.intoArray(work, p + 3 * V);
        }
      }
      if (V < LEFT) {
        VectorFolds.foldLanes(work, lanes, LEFT * r);
        for (int i = whole; i < vectors; i += V) {
          long at = 4L * i;
          int to = LEFT * r + i % LEFT;
          FloatVector.fromArray(S, lanes, to).add(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER))
              .intoArray(lanes, to);
        }
      }
    }
    return done;
  }

  /**
   * Two rows at a time: short loops begin and end half as often, and eight sums wait less for each other than four. While they are
   * read, lanes of rows before them come together, where no elements are left to be added: in a loop of their own memory would wait
   * meanwhile (8192 rows of 512, in the third-level cache: 0.20 ms instead of 0.24).
   *
   * @return of how many rows they have
   */
  private static int pairs(long x, long rowBytes, int rows, int n, float[] lanes, double[] totals) {
    int whole = n & -LANES;
    int vectors = n & -V;
    int done = 0;
    for (int r = 0; r < rows; r += 2) {
      long row = x + r * rowBytes;
      long next = row + rowBytes;
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      for (int j = 0; j < whole; j += LANES) {
        long at = 4L * j;
        a0 = a0.add(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER));
        a1 = a1.add(FloatVector.fromMemorySegment(S, ALL, row + at + 4L * V & MASK, ORDER));
        a2 = a2.add(FloatVector.fromMemorySegment(S, ALL, row + at + 8L * V & MASK, ORDER));
        a3 = a3.add(FloatVector.fromMemorySegment(S, ALL, row + at + 12L * V & MASK, ORDER));
        b0 = b0.add(FloatVector.fromMemorySegment(S, ALL, next + at & MASK, ORDER));
        b1 = b1.add(FloatVector.fromMemorySegment(S, ALL, next + at + 4L * V & MASK, ORDER));
        b2 = b2.add(FloatVector.fromMemorySegment(S, ALL, next + at + 8L * V & MASK, ORDER));
        b3 = b3.add(FloatVector.fromMemorySegment(S, ALL, next + at + 12L * V & MASK, ORDER));
      }
      a0 = a0.add(a1).add(a2.add(a3));
      b0 = b0.add(b1).add(b2.add(b3));
      for (int i = whole; i < vectors; i += V) {
        long at = 4L * i;
        a0 = a0.add(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER));
        b0 = b0.add(FloatVector.fromMemorySegment(S, ALL, next + at & MASK, ORDER));
      }
      a0.intoArray(lanes, LEFT * r);
      b0.intoArray(lanes, LEFT * (r + 1));
      if (vectors == n && r >= BEHIND) {
        totals[done] = RowTotals.total(lanes, LEFT * done);
        totals[done + 1] = RowTotals.total(lanes, LEFT * (done + 1));
        done += 2;
      }
    }
    return done;
  }

  /** Of {@code (x - center)²}. */
  static void squares(long x, long rowBytes, int rows, int n, float[] centers, float[] work, float[] lanes) {
    int whole = n & -LANES;
    int vectors = n & -V;
    for (int r = 0; r < rows; r++) {
      long row = x + r * rowBytes;
      FloatVector c = FloatVector.broadcast(S, centers[r]);
      for (int p = 0; p < LANES; p += STRIDE) {
        FloatVector a0 = FloatVector.zero(S);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int j = p; j < whole; j += LANES) {
          long at = 4L * j;
          FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c);
          FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, row + at + 4L * V & MASK, ORDER).sub(c);
          FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, row + at + 8L * V & MASK, ORDER).sub(c);
          FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, row + at + 12L * V & MASK, ORDER).sub(c);
          a0 = a0.add(d0.mul(d0));
          a1 = a1.add(d1.mul(d1));
          a2 = a2.add(d2.mul(d2));
          a3 = a3.add(d3.mul(d3));
        }
        if (V == LEFT) {
          a0 = a0.add(a1).add(a2.add(a3));
          for (int i = whole; i < vectors; i += V) {
            long at = 4L * i;
            FloatVector d = FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c);
            a0 = a0.add(d.mul(d));
          }
          a0.intoArray(lanes, LEFT * r);
        } else {
          a0.intoArray(work, p);
          a1.intoArray(work, p + V);
          a2.intoArray(work, p + 2 * V);
          a3.intoArray(work, p + 3 * V);
        }
      }
      if (V < LEFT) {
        VectorFolds.foldLanes(work, lanes, LEFT * r);
        for (int i = whole; i < vectors; i += V) {
          long at = 4L * i;
          int to = LEFT * r + i % LEFT;
          FloatVector d = FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c);
          FloatVector.fromArray(S, lanes, to).add(d.mul(d)).intoArray(lanes, to);
        }
      }
    }
  }

  /** Of {@code y}, and of {@code y (x - center)} into {@code products}. */
  static void products(long x, long xRow, long y, long yRow, int rows, int n, float[] centers, float[] work,
      float[] second, float[] lanes, float[] products) {
    int whole = n & -LANES;
    int vectors = n & -V;
    for (int r = 0; r < rows; r++) {
      long row = x + r * xRow;
      long ofRow = y + r * yRow;
      FloatVector c = FloatVector.broadcast(S, centers[r]);
      for (int p = 0; p < LANES; p += STRIDE) {
        FloatVector a0 = FloatVector.zero(S);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int j = p; j < whole; j += LANES) {
          long at = 4L * j;
          FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER);
          FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 4L * V & MASK, ORDER);
          FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 8L * V & MASK, ORDER);
          FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 12L * V & MASK, ORDER);
          a0 = a0.add(g0);
          a1 = a1.add(g1);
          a2 = a2.add(g2);
          a3 = a3.add(g3);
          b0 = b0.add(g0.mul(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c)));
          b1 = b1.add(g1.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 4L * V & MASK, ORDER).sub(c)));
          b2 = b2.add(g2.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 8L * V & MASK, ORDER).sub(c)));
          b3 = b3.add(g3.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 12L * V & MASK, ORDER).sub(c)));
        }
        if (V == LEFT) {
          a0 = a0.add(a1).add(a2.add(a3));
          b0 = b0.add(b1).add(b2.add(b3));
          for (int i = whole; i < vectors; i += V) {
            long at = 4L * i;
            FloatVector g = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER);
            a0 = a0.add(g);
            b0 = b0.add(g.mul(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c)));
          }
          a0.intoArray(lanes, LEFT * r);
          b0.intoArray(products, LEFT * r);
        } else {
          a0.intoArray(work, p);
          a1.intoArray(work, p + V);
          a2.intoArray(work, p + 2 * V);
          a3.intoArray(work, p + 3 * V);
          b0.intoArray(second, p);
          b1.intoArray(second, p + V);
          b2.intoArray(second, p + 2 * V);
          b3.intoArray(second, p + 3 * V);
        }
      }
      if (V < LEFT) {
        VectorFolds.foldLanes(work, lanes, LEFT * r);
        VectorFolds.foldLanes(second, products, LEFT * r);
        for (int i = whole; i < vectors; i += V) {
          long at = 4L * i;
          int to = LEFT * r + i % LEFT;
          FloatVector g = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER);
          FloatVector.fromArray(S, lanes, to).add(g).intoArray(lanes, to);
          FloatVector d = FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c);
          FloatVector.fromArray(S, products, to).add(g.mul(d)).intoArray(products, to);
        }
      }
    }
  }

  /** Of {@code y weight}, and of {@code y weight (x - center)} into {@code products}. */
  static void weighted(long x, long xRow, long y, long yRow, long weight, int rows, int n, float[] centers,
      float[] work, float[] second, float[] lanes, float[] products) {
    int whole = n & -LANES;
    int vectors = n & -V;
    for (int r = 0; r < rows; r++) {
      long row = x + r * xRow;
      long ofRow = y + r * yRow;
      FloatVector c = FloatVector.broadcast(S, centers[r]);
      for (int p = 0; p < LANES; p += STRIDE) {
        FloatVector a0 = FloatVector.zero(S);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int j = p; j < whole; j += LANES) {
          long at = 4L * j;
          FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER)
              .mul(FloatVector.fromMemorySegment(S, ALL, weight + at & MASK, ORDER));
          FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 4L * V & MASK, ORDER)
              .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 4L * V & MASK, ORDER));
          FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 8L * V & MASK, ORDER)
              .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 8L * V & MASK, ORDER));
          FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, ofRow + at + 12L * V & MASK, ORDER)
              .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 12L * V & MASK, ORDER));
          a0 = a0.add(g0);
          a1 = a1.add(g1);
          a2 = a2.add(g2);
          a3 = a3.add(g3);
          b0 = b0.add(g0.mul(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c)));
          b1 = b1.add(g1.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 4L * V & MASK, ORDER).sub(c)));
          b2 = b2.add(g2.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 8L * V & MASK, ORDER).sub(c)));
          b3 = b3.add(g3.mul(FloatVector.fromMemorySegment(S, ALL, row + at + 12L * V & MASK, ORDER).sub(c)));
        }
        if (V == LEFT) {
          a0 = a0.add(a1).add(a2.add(a3));
          b0 = b0.add(b1).add(b2.add(b3));
          for (int i = whole; i < vectors; i += V) {
            long at = 4L * i;
            FloatVector g = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER)
                .mul(FloatVector.fromMemorySegment(S, ALL, weight + at & MASK, ORDER));
            a0 = a0.add(g);
            b0 = b0.add(g.mul(FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c)));
          }
          a0.intoArray(lanes, LEFT * r);
          b0.intoArray(products, LEFT * r);
        } else {
          a0.intoArray(work, p);
          a1.intoArray(work, p + V);
          a2.intoArray(work, p + 2 * V);
          a3.intoArray(work, p + 3 * V);
          b0.intoArray(second, p);
          b1.intoArray(second, p + V);
          b2.intoArray(second, p + 2 * V);
          b3.intoArray(second, p + 3 * V);
        }
      }
      if (V < LEFT) {
        VectorFolds.foldLanes(work, lanes, LEFT * r);
        VectorFolds.foldLanes(second, products, LEFT * r);
        for (int i = whole; i < vectors; i += V) {
          long at = 4L * i;
          int to = LEFT * r + i % LEFT;
          FloatVector g = FloatVector.fromMemorySegment(S, ALL, ofRow + at & MASK, ORDER)
              .mul(FloatVector.fromMemorySegment(S, ALL, weight + at & MASK, ORDER));
          FloatVector.fromArray(S, lanes, to).add(g).intoArray(lanes, to);
          FloatVector d = FloatVector.fromMemorySegment(S, ALL, row + at & MASK, ORDER).sub(c);
          FloatVector.fromArray(S, products, to).add(g.mul(d)).intoArray(products, to);
        }
      }
    }
  }
}
