package dev.tandem.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The vector width of this machine. Loaded only when {@link Lanes#AVAILABLE}. */
final class FloatLanes {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  /** Floats in a vector. */
  static final int COUNT = SPECIES.length();
  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private FloatLanes() {
  }

  static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, Memory.ALL, address & Memory.MASK, ORDER);
  }

  static void store(long address, FloatVector v) {
    v.intoMemorySegment(Memory.ALL, address & Memory.MASK, ORDER);
  }
}
