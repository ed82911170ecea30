package dev.tandem.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this machine. Loaded only when {@link Lanes#AVAILABLE}.
 *
 * <p>Here are no methods to load and store a vector, on purpose. C2 inlines the methods of the Vector API at any size, but other ones
 * only while its budgets last and where no compiled code of theirs is "medium" already, which depends on the order that a launch
 * happens to compile in; and a vector that crosses a call is boxed. So no method that kernels call takes or returns one.
 */
final class FloatLanes {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  /** Floats in a vector. */
  static final int COUNT = SPECIES.length();
  static final ByteOrder ORDER = ByteOrder.nativeOrder();
  /** Ints in the lanes of floats. */
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  /** Whether there are vectors of as many bytes: none is shorter than 64 bits. */
  static final boolean HAS_NARROW = COUNT >= 8;

  private FloatLanes() {
  }
}
