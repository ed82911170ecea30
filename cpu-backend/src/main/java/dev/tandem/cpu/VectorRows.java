package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;

/**
 * Elementwise work on dense rows of floats. Each method does whole vectors of {@code n} elements and gives how many elements that
 * were; the caller does the rest. Loaded only when {@link Lanes#AVAILABLE}.
 */
final class VectorRows {
  private static final int V = FloatLanes.COUNT;

  private VectorRows() {
  }

  /** Adds to the elements at {@code to}. */
  static int add(long from, long to, int n) {
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatLanes.store(to + 4L * i, FloatLanes.load(to + 4L * i).add(FloatLanes.load(from + 4L * i)));
    }
    return i;
  }

  static int subtract(long from, long to, int n, float value) {
    FloatVector v = FloatVector.broadcast(FloatLanes.SPECIES, value);
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatLanes.store(to + 4L * i, FloatLanes.load(from + 4L * i).sub(v));
    }
    return i;
  }

  static int multiply(long from, long to, int n, float value) {
    FloatVector v = FloatVector.broadcast(FloatLanes.SPECIES, value);
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatLanes.store(to + 4L * i, FloatLanes.load(from + 4L * i).mul(v));
    }
    return i;
  }

  /** Replaces the elements by their exponentials. */
  static int exp(long at, int n) {
    int i = 0;
    for (; i + V <= n; i += V) {
      FloatLanes.store(at + 4L * i, VectorMath.exp(FloatLanes.load(at + 4L * i)));
    }
    return i;
  }
}
