package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector loops of {@link RowTotals}: sums of every 64th of {@code n} elements, a multiple of 64, into as many lanes, of which then
 * four each are added up. Loaded only when {@link Lanes#AVAILABLE}.
 */
final class VectorTotals {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;
  /** Floats that a loop takes at a time. */
  private static final int STRIDE = VectorFolds.STRIDE;

  /** Vector operations in a turn of the longest loop. */
  private static final int OPERATIONS = 20;
  private static final float[] UNREAD = new float[RowTotals.LANES];
  static final List<WarmUp> WARM_UPS = List.of(
      new WarmUp(times -> VectorFolds.sumLanes(WarmUp.ZEROS, elements(times), UNREAD), OPERATIONS),
      new WarmUp(times -> squares(WarmUp.ZEROS, elements(times), 0, UNREAD), OPERATIONS),
      new WarmUp(times -> products(WarmUp.ZEROS, WarmUp.ZEROS, elements(times), 0, UNREAD, UNREAD), OPERATIONS),
      new WarmUp(
          times -> weighted(WarmUp.ZEROS, WarmUp.ZEROS, WarmUp.ZEROS, elements(times), 0, UNREAD, UNREAD),
          OPERATIONS));

  private VectorTotals() {
  }

  private static int elements(int times) {
    return times > 0 ? WarmUp.TURNS * RowTotals.LANES : 0;
  }

  /** Of {@code (x - center)²}. */
  static void squares(long x, int n, float center, float[] lanes) {
    FloatVector c = FloatVector.broadcast(S, center);
    for (int p = 0; p < RowTotals.LANES; p += STRIDE) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      for (int i = p; i < n; i += RowTotals.LANES) {
        long at = 4L * i;
        FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, x + at & MASK, ORDER).sub(c);
        FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, x + at + 4L * V & MASK, ORDER).sub(c);
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, x + at + 8L * V & MASK, ORDER).sub(c);
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, x + at + 12L * V & MASK, ORDER).sub(c);
        a0 = a0.add(d0.mul(d0));
        a1 = a1.add(d1.mul(d1));
        a2 = a2.add(d2.mul(d2));
        a3 = a3.add(d3.mul(d3));
      }
      a0.intoArray(lanes, p);
      a1.intoArray(lanes, p + V);
      a2.intoArray(lanes, p + 2 * V);
      a3.intoArray(lanes, p + 3 * V);
    }
    VectorFolds.foldLanes(lanes);
  }

  /** Of {@code y}, and of {@code y (x - center)}. */
  static void products(long x, long y, int n, float center, float[] lanes, float[] products) {
    FloatVector c = FloatVector.broadcast(S, center);
    for (int p = 0; p < RowTotals.LANES; p += STRIDE) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      for (int i = p; i < n; i += RowTotals.LANES) {
        long at = 4L * i;
        FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, y + at & MASK, ORDER);
        FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, y + at + 4L * V & MASK, ORDER);
        FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, y + at + 8L * V & MASK, ORDER);
        FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, y + at + 12L * V & MASK, ORDER);
        a0 = a0.add(g0);
        a1 = a1.add(g1);
        a2 = a2.add(g2);
        a3 = a3.add(g3);
        b0 = b0.add(g0.mul(FloatVector.fromMemorySegment(S, ALL, x + at & MASK, ORDER).sub(c)));
        b1 = b1.add(g1.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 4L * V & MASK, ORDER).sub(c)));
        b2 = b2.add(g2.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 8L * V & MASK, ORDER).sub(c)));
        b3 = b3.add(g3.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 12L * V & MASK, ORDER).sub(c)));
      }
      a0.intoArray(lanes, p);
      a1.intoArray(lanes, p + V);
      a2.intoArray(lanes, p + 2 * V);
      a3.intoArray(lanes, p + 3 * V);
      b0.intoArray(products, p);
      b1.intoArray(products, p + V);
      b2.intoArray(products, p + 2 * V);
      b3.intoArray(products, p + 3 * V);
    }
    VectorFolds.foldLanes(lanes);
    VectorFolds.foldLanes(products);
  }

  /** Of {@code y weight}, and of {@code y weight (x - center)}. */
  static void weighted(long x, long y, long weight, int n, float center, float[] lanes, float[] products) {
    FloatVector c = FloatVector.broadcast(S, center);
    for (int p = 0; p < RowTotals.LANES; p += STRIDE) {
      FloatVector a0 = FloatVector.zero(S);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector b0 = a0;
      FloatVector b1 = a0;
      FloatVector b2 = a0;
      FloatVector b3 = a0;
      for (int i = p; i < n; i += RowTotals.LANES) {
        long at = 4L * i;
        FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, y + at & MASK, ORDER)
            .mul(FloatVector.fromMemorySegment(S, ALL, weight + at & MASK, ORDER));
        FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, y + at + 4L * V & MASK, ORDER)
            .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 4L * V & MASK, ORDER));
        FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, y + at + 8L * V & MASK, ORDER)
            .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 8L * V & MASK, ORDER));
        FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, y + at + 12L * V & MASK, ORDER)
            .mul(FloatVector.fromMemorySegment(S, ALL, weight + at + 12L * V & MASK, ORDER));
        a0 = a0.add(g0);
        a1 = a1.add(g1);
        a2 = a2.add(g2);
        a3 = a3.add(g3);
        b0 = b0.add(g0.mul(FloatVector.fromMemorySegment(S, ALL, x + at & MASK, ORDER).sub(c)));
        b1 = b1.add(g1.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 4L * V & MASK, ORDER).sub(c)));
        b2 = b2.add(g2.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 8L * V & MASK, ORDER).sub(c)));
        b3 = b3.add(g3.mul(FloatVector.fromMemorySegment(S, ALL, x + at + 12L * V & MASK, ORDER).sub(c)));
      }
      a0.intoArray(lanes, p);
      a1.intoArray(lanes, p + V);
      a2.intoArray(lanes, p + 2 * V);
      a3.intoArray(lanes, p + 3 * V);
      b0.intoArray(products, p);
      b1.intoArray(products, p + V);
      b2.intoArray(products, p + 2 * V);
      b3.intoArray(products, p + 3 * V);
    }
    VectorFolds.foldLanes(lanes);
    VectorFolds.foldLanes(products);
  }
}
