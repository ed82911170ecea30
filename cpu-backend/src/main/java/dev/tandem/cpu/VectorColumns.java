package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector loops of {@link ColumnTotals} and {@link ColumnFactors}. Each does the first columns, as many as make whole vectors,
 * and gives their number. Loaded only when {@link Lanes#AVAILABLE}.
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
  static final WarmUp DEVIATIONS = new WarmUp(
      times -> deviations(WarmUp.ZEROS, 0, WarmUp.TURNS, columns(times), CENTER, UNREAD, UNREAD), OPERATIONS);
  static final WarmUp PRODUCTS = new WarmUp(times -> products(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, WarmUp.TURNS,
      columns(times), CENTER, UNREAD, UNREAD), OPERATIONS + OPERATIONS / 2);
  static final WarmUp SCALED_PRODUCTS = new WarmUp(times -> scaledProducts(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0,
      WarmUp.TURNS, columns(times), NUMBERS, NUMBERS, 0, UNREAD, UNREAD), 2 * OPERATIONS);
  static final WarmUp NORMALIZE = new WarmUp(times -> normalize(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 0, WarmUp.TURNS,
      columns(times), WarmUp.ZEROS, 0), OPERATIONS);
  static final WarmUp GRADIENT = new WarmUp(times -> gradient(WarmUp.ZEROS, 0, WarmUp.ZEROS, 0, WarmUp.OUTPUT, 0,
      WarmUp.TURNS, columns(times), WarmUp.ZEROS, 0), 2 * OPERATIONS);

  private VectorColumns() {
  }

  private static int columns(int times) {
    return times > 0 ? COLUMNS : 0;
  }

  /** Sums of {@code x - center}, and of their squares. */
  static int deviations(long x, long rowBytes, int rows, int n, float[] center, float[] sums, float[] squares) {
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
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      long at = x + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER).sub(c0);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, at + 4L * V & MASK, ORDER).sub(c1);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, at + 8L * V & MASK, ORDER).sub(c2);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, at + 12L * V & MASK, ORDER).sub(c3);
        a0 = a0.add(d0);
        a1 = a1.add(d1);
        a2 = a2.add(d2);
        a3 = a3.add(d3);
        b0 = b0.add(d0.mul(d0));
        b1 = b1.add(d1.mul(d1));
        b2 = b2.add(d2.mul(d2));
        b3 = b3.add(d3.mul(d3));
        at += rowBytes;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
      b0.intoArray(squares, j);
      b1.intoArray(squares, j + V);
      b2.intoArray(squares, j + 2 * V);
      b3.intoArray(squares, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector c = FloatVector.fromArray(S, center, j);
      FloatVector a = FloatVector.zero(S);
      FloatVector b = a;
      long at = x + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, at & MASK, ORDER).sub(c);
        a = a.add(d);
        b = b.add(d.mul(d));
        at += rowBytes;
      }
      a.intoArray(sums, j);
      b.intoArray(squares, j);
    }
    return j;
  }

  /** Sums of {@code y}, and of {@code (x - center) y}. */
  static int products(long x, long xRow, long y, long yRow, int rows, int n, float[] center, float[] sums,
      float[] products) {
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
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER);
        FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, g + 4L * V & MASK, ORDER);
        FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, g + 8L * V & MASK, ORDER);
        FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, g + 12L * V & MASK, ORDER);
        a0 = a0.add(g0);
        a1 = a1.add(g1);
        a2 = a2.add(g2);
        a3 = a3.add(g3);
        b0 = b0.add(FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c0).mul(g0));
        b1 = b1.add(FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(c1).mul(g1));
        b2 = b2.add(FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(c2).mul(g2));
        b3 = b3.add(FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(c3).mul(g3));
        f += xRow;
        g += yRow;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
      b0.intoArray(products, j);
      b1.intoArray(products, j + V);
      b2.intoArray(products, j + 2 * V);
      b3.intoArray(products, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector c = FloatVector.fromArray(S, center, j);
      FloatVector a = FloatVector.zero(S);
      FloatVector b = a;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector v = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER);
        a = a.add(v);
        b = b.add(FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c).mul(v));
        f += xRow;
        g += yRow;
      }
      a.intoArray(sums, j);
      b.intoArray(products, j);
    }
    return j;
  }

  /** Sums of {@code y}, and of {@code (x - center) factor y}, center and factor being numbers of a row, from {@code first} on. */
  static int scaledProducts(long x, long xRow, long y, long yRow, int rows, int n, float[] centers, float[] factors,
      int first, float[] sums, float[] products) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector c = FloatVector.broadcast(S, centers[first + r]);
        FloatVector s = FloatVector.broadcast(S, factors[first + r]);
        FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER);
        FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, g + 4L * V & MASK, ORDER);
        FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, g + 8L * V & MASK, ORDER);
        FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, g + 12L * V & MASK, ORDER);
        a0 = a0.add(g0);
        a1 = a1.add(g1);
        a2 = a2.add(g2);
        a3 = a3.add(g3);
        b0 = b0.add(FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(c).mul(s).mul(g0));
        b1 = b1.add(FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(c).mul(s).mul(g1));
        b2 = b2.add(FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(c).mul(s).mul(g2));
        b3 = b3.add(FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(c).mul(s).mul(g3));
        f += xRow;
        g += yRow;
      }
      a0.intoArray(sums, j);
      a1.intoArray(sums, j + V);
      a2.intoArray(sums, j + 2 * V);
      a3.intoArray(sums, j + 3 * V);
      b0.intoArray(products, j);
      b1.intoArray(products, j + V);
      b2.intoArray(products, j + 2 * V);
      b3.intoArray(products, j + 3 * V);
    }
    for (; j + V <= n; j += V) {
      FloatVector a = FloatVector.zero(S);
      FloatVector b = a;
      long f = x + 4L * j;
      long g = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector v = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER);
        a = a.add(v);
        b = b.add(FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER)
            .sub(FloatVector.broadcast(S, centers[first + r])).mul(FloatVector.broadcast(S, factors[first + r]))
            .mul(v));
        f += xRow;
        g += yRow;
      }
      a.intoArray(sums, j);
      b.intoArray(products, j);
    }
    return j;
  }

  /**
   * {@code y = (x - mean) scale + bias}.
   *
   * @param factors address of means, scales and biases of all columns
   * @param factorBytes bytes between the first mean and the first scale
   */
  static int normalize(long x, long xRow, long y, long yRow, int rows, int n, long factors, long factorBytes) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      long m = factors + 4L * j;
      long s = m + factorBytes;
      long b = s + factorBytes;
      FloatVector m0 = FloatVector.fromMemorySegment(S, ALL, m & MASK, ORDER);
      FloatVector m1 = FloatVector.fromMemorySegment(S, ALL, m + 4L * V & MASK, ORDER);
      FloatVector m2 = FloatVector.fromMemorySegment(S, ALL, m + 8L * V & MASK, ORDER);
      FloatVector m3 = FloatVector.fromMemorySegment(S, ALL, m + 12L * V & MASK, ORDER);
      FloatVector s0 = FloatVector.fromMemorySegment(S, ALL, s & MASK, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(S, ALL, s + 4L * V & MASK, ORDER);
      FloatVector s2 = FloatVector.fromMemorySegment(S, ALL, s + 8L * V & MASK, ORDER);
      FloatVector s3 = FloatVector.fromMemorySegment(S, ALL, s + 12L * V & MASK, ORDER);
      FloatVector b0 = FloatVector.fromMemorySegment(S, ALL, b & MASK, ORDER);
      FloatVector b1 = FloatVector.fromMemorySegment(S, ALL, b + 4L * V & MASK, ORDER);
      FloatVector b2 = FloatVector.fromMemorySegment(S, ALL, b + 8L * V & MASK, ORDER);
      FloatVector b3 = FloatVector.fromMemorySegment(S, ALL, b + 12L * V & MASK, ORDER);
      long f = x + 4L * j;
      long t = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector v0 = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(m0).mul(s0).add(b0);
        FloatVector v1 = FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(m1).mul(s1).add(b1);
        FloatVector v2 = FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(m2).mul(s2).add(b2);
        FloatVector v3 = FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(m3).mul(s3).add(b3);
        v0.intoMemorySegment(ALL, t & MASK, ORDER);
        v1.intoMemorySegment(ALL, t + 4L * V & MASK, ORDER);
        v2.intoMemorySegment(ALL, t + 8L * V & MASK, ORDER);
        v3.intoMemorySegment(ALL, t + 12L * V & MASK, ORDER);
        f += xRow;
        t += yRow;
      }
    }
    for (; j + V <= n; j += V) {
      FloatVector m = FloatVector.fromMemorySegment(S, ALL, factors + 4L * j & MASK, ORDER);
      FloatVector s = FloatVector.fromMemorySegment(S, ALL, factors + factorBytes + 4L * j & MASK, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(S, ALL, factors + 2 * factorBytes + 4L * j & MASK, ORDER);
      long f = x + 4L * j;
      long t = y + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(m).mul(s).add(b).intoMemorySegment(ALL, t & MASK,
            ORDER);
        f += xRow;
        t += yRow;
      }
    }
    return j;
  }

  /**
   * {@code to = y scale - (x - mean) ofProduct - ofSum}.
   *
   * @param factors address of means, scales, shares of products and of sums of all columns
   * @param factorBytes bytes between the first mean and the first scale
   */
  static int gradient(long x, long xRow, long y, long yRow, long to, long toRow, int rows, int n, long factors,
      long factorBytes) {
    int j = 0;
    for (; j + 4 * V <= n; j += 4 * V) {
      long m = factors + 4L * j;
      long s = m + factorBytes;
      long p = s + factorBytes;
      long q = p + factorBytes;
      FloatVector m0 = FloatVector.fromMemorySegment(S, ALL, m & MASK, ORDER);
      FloatVector m1 = FloatVector.fromMemorySegment(S, ALL, m + 4L * V & MASK, ORDER);
      FloatVector m2 = FloatVector.fromMemorySegment(S, ALL, m + 8L * V & MASK, ORDER);
      FloatVector m3 = FloatVector.fromMemorySegment(S, ALL, m + 12L * V & MASK, ORDER);
      FloatVector s0 = FloatVector.fromMemorySegment(S, ALL, s & MASK, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(S, ALL, s + 4L * V & MASK, ORDER);
      FloatVector s2 = FloatVector.fromMemorySegment(S, ALL, s + 8L * V & MASK, ORDER);
      FloatVector s3 = FloatVector.fromMemorySegment(S, ALL, s + 12L * V & MASK, ORDER);
      FloatVector p0 = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER);
      FloatVector p1 = FloatVector.fromMemorySegment(S, ALL, p + 4L * V & MASK, ORDER);
      FloatVector p2 = FloatVector.fromMemorySegment(S, ALL, p + 8L * V & MASK, ORDER);
      FloatVector p3 = FloatVector.fromMemorySegment(S, ALL, p + 12L * V & MASK, ORDER);
      FloatVector q0 = FloatVector.fromMemorySegment(S, ALL, q & MASK, ORDER);
      FloatVector q1 = FloatVector.fromMemorySegment(S, ALL, q + 4L * V & MASK, ORDER);
      FloatVector q2 = FloatVector.fromMemorySegment(S, ALL, q + 8L * V & MASK, ORDER);
      FloatVector q3 = FloatVector.fromMemorySegment(S, ALL, q + 12L * V & MASK, ORDER);
      long f = x + 4L * j;
      long g = y + 4L * j;
      long t = to + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(m0).mul(p0);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, f + 4L * V & MASK, ORDER).sub(m1).mul(p1);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, f + 8L * V & MASK, ORDER).sub(m2).mul(p2);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, f + 12L * V & MASK, ORDER).sub(m3).mul(p3);
        FloatVector v0 = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER).mul(s0).sub(d0).sub(q0);
        FloatVector v1 = FloatVector.fromMemorySegment(S, ALL, g + 4L * V & MASK, ORDER).mul(s1).sub(d1).sub(q1);
        FloatVector v2 = FloatVector.fromMemorySegment(S, ALL, g + 8L * V & MASK, ORDER).mul(s2).sub(d2).sub(q2);
        FloatVector v3 = FloatVector.fromMemorySegment(S, ALL, g + 12L * V & MASK, ORDER).mul(s3).sub(d3).sub(q3);
        v0.intoMemorySegment(ALL, t & MASK, ORDER);
        v1.intoMemorySegment(ALL, t + 4L * V & MASK, ORDER);
        v2.intoMemorySegment(ALL, t + 8L * V & MASK, ORDER);
        v3.intoMemorySegment(ALL, t + 12L * V & MASK, ORDER);
        f += xRow;
        g += yRow;
        t += toRow;
      }
    }
    for (; j + V <= n; j += V) {
      FloatVector m = FloatVector.fromMemorySegment(S, ALL, factors + 4L * j & MASK, ORDER);
      FloatVector s = FloatVector.fromMemorySegment(S, ALL, factors + factorBytes + 4L * j & MASK, ORDER);
      FloatVector p = FloatVector.fromMemorySegment(S, ALL, factors + 2 * factorBytes + 4L * j & MASK, ORDER);
      FloatVector q = FloatVector.fromMemorySegment(S, ALL, factors + 3 * factorBytes + 4L * j & MASK, ORDER);
      long f = x + 4L * j;
      long g = y + 4L * j;
      long t = to + 4L * j;
      for (int r = 0; r < rows; r++) {
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, f & MASK, ORDER).sub(m).mul(p);
        FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER).mul(s).sub(d).sub(q).intoMemorySegment(ALL, t & MASK,
            ORDER);
        f += xRow;
        g += yRow;
        t += toRow;
      }
    }
    return j;
  }
}
