package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector loops of {@link ColumnTotals}. Each does the first columns, as many as make whole vectors, and gives their number. Loaded
 * only when {@link Lanes#AVAILABLE}.
 */
final class VectorColumns {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;

  /** Vector operations in a turn of a loop and the one beside it. */
  private static final int OPERATIONS = 20;
  /** Whole strides and a vector beside them, so that the loops of both are met. */
  private static final int COLUMNS = VectorFolds.STRIDE + VectorFolds.WIDTH;
  private static final float[] CENTER = new float[COLUMNS];
  private static final float[] NUMBERS = new float[WarmUp.TURNS];
  private static final float[] UNREAD = new float[COLUMNS];
  static final List<WarmUp> WARM_UPS = List.of(
      new WarmUp(times -> squares(WarmUp.ZEROS, 0, WarmUp.TURNS, columns(times), CENTER, UNREAD), OPERATIONS),
      new WarmUp(times -> products(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, WarmUp.TURNS, columns(times), CENTER, UNREAD),
          OPERATIONS),
      new WarmUp(times -> scaledProducts(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, WarmUp.TURNS, columns(times), NUMBERS,
          NUMBERS, 0, UNREAD), OPERATIONS + OPERATIONS / 2));

  private VectorColumns() {
  }

  private static int columns(int times) {
    return times > 0 ? COLUMNS : 0;
  }

  /** Sums of {@code (x - center)²}. */
  static int squares(long x, long rowBytes, int rows, int n, float[] center, float[] sums) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      FloatVector c0 = FloatVector.fromArray(S, center, j);
      FloatVector c1 = FloatVector.fromArray(S, center, j + V);
      FloatVector c2 = FloatVector.fromArray(S, center, j + 2 * V);
      FloatVector c3 = FloatVector.fromArray(S, center, j + 3 * V);
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      long at = x + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER).sub(c0);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER).sub(c1);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER).sub(c2);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER).sub(c3);
        a0 = a0.add(d0.mul(d0));
        a1 = a1.add(d1.mul(d1));
        a2 = a2.add(d2.mul(d2));
        a3 = a3.add(d3.mul(d3));
        at += rowBytes;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector c = FloatVector.fromArray(S, center, j);
      FloatVector a = FloatVector.zero(S);
      long at = x + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER).sub(c);
        a = a.add(d.mul(d));
        at += rowBytes;
      }
      a.intoArray(sums, j);
    }
    return j;
  }

  /** Sums of {@code (x - center) y}. */
  static int products(long x, long xRow, long y, long yRow, int rows, int n, float[] center, float[] sums) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      FloatVector c0 = FloatVector.fromArray(S, center, j);
      FloatVector c1 = FloatVector.fromArray(S, center, j + V);
      FloatVector c2 = FloatVector.fromArray(S, center, j + 2 * V);
      FloatVector c3 = FloatVector.fromArray(S, center, j + 3 * V);
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c0);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(c1);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(c2);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(c3);
        a0 = a0.add(d0.mul(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER)));
        a1 = a1.add(d1.mul(FloatVector.fromMemorySegment(S, ALL, g + 4L * V & MASK, ORDER)));
        a2 = a2.add(d2.mul(FloatVector.fromMemorySegment(S, ALL, g + 8L * V & MASK, ORDER)));
        a3 = a3.add(d3.mul(FloatVector.fromMemorySegment(S, ALL, g + 12L * V & MASK, ORDER)));
        f += xRow;
        g += yRow;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector c = FloatVector.fromArray(S, center, j);
      FloatVector a = FloatVector.zero(S);
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c);
        a = a.add(d.mul(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER)));
        f += xRow;
        g += yRow;
      }
      a.intoArray(sums, j);
    }
    return j;
  }

  /** Sums of {@code (x - center) factor y}, center and factor being numbers of a row, from {@code first} on. */
  static int scaledProducts(long x, long xRow, long y, long yRow, int rows, int n, float[] centers,
      float[] factors, int first, float[] sums) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector c = FloatVector.broadcast(S, centers[first + r]);
        FloatVector s = FloatVector.broadcast(S, factors[first + r]);
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c).mul(s);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(c).mul(s);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(c).mul(s);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(c).mul(s);
        a0 = a0.add(d0.mul(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER)));
        a1 = a1.add(d1.mul(FloatVector.fromMemorySegment(S, ALL, g + 4L * V & MASK, ORDER)));
        a2 = a2.add(d2.mul(FloatVector.fromMemorySegment(S, ALL, g + 8L * V & MASK, ORDER)));
        a3 = a3.add(d3.mul(FloatVector.fromMemorySegment(S, ALL, g + 12L * V & MASK, ORDER)));
        f += xRow;
        g += yRow;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.zero(S);
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER)
            .sub(FloatVector.broadcast(S, centers[first + r]))
            .mul(FloatVector.broadcast(S, factors[first + r]));
        a = a.add(d.mul(FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER)));
        f += xRow;
        g += yRow;
      }
      a.intoArray(sums, j);
    }
    return j;
  }
}
