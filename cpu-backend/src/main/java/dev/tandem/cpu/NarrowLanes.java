package dev.tandem.cpu;

import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Vectors of as many short numbers as a vector has floats. Loaded only where {@link FloatLanes#HAS_NARROW}. */
final class NarrowLanes {
  static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Short.SIZE * FloatLanes.COUNT));
  static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Byte.SIZE * FloatLanes.COUNT));

  private NarrowLanes() {
  }
}
