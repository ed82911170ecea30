package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementwise work on dense rows of floats. Each method does whole vectors of {@code n} elements and gives how many elements that
 * were; the caller does the rest. Loaded only when {@link Lanes#AVAILABLE}.
 */
final class VectorRows {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int V = FloatLanes.COUNT;

  private VectorRows() {
  }

  /** Adds to the elements at {@code to}. */
  static int add(long from, long to, int n) {
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatVector.fromMemorySegment(S, ALL, to + 4L * i & MASK, ORDER)
          .add(FloatVector.fromMemorySegment(S, ALL, from + 4L * i & MASK, ORDER))
          .intoMemorySegment(ALL, to + 4L * i & MASK, ORDER);
    }
    return i;
  }

  static int subtract(long from, long to, int n, float value) {
    FloatVector v = FloatVector.broadcast(S, value);
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatVector.fromMemorySegment(S, ALL, from + 4L * i & MASK, ORDER).sub(v).intoMemorySegment(ALL,
          to + 4L * i & MASK, ORDER);
    }
    return i;
  }

  static int multiply(long from, long to, int n, float value) {
    FloatVector v = FloatVector.broadcast(S, value);
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatVector.fromMemorySegment(S, ALL, from + 4L * i & MASK, ORDER).mul(v).intoMemorySegment(ALL,
          to + 4L * i & MASK, ORDER);
    }
    return i;
  }
}
