package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Shows the compiler that the methods which all vectors share meet more than one kind, before it compiles the first of them. Loaded only
 * when {@link Lanes#AVAILABLE}.
 *
 * <p>Where HotSpot has seen one class only, C2 compiles for that class and leaves a trap for others. It counts the traps that were
 * met, sums the counts over all methods that it inlines into one, and from 100 on ({@code PerMethodTrapLimit}) compiles calls
 * instead of traps. The Vector API's methods are inlined dozens of times into a kernel: once floats were compiled for and ints came,
 * which made four traps in the method that loads both, every kernel of more than 25 loads that was compiled later had such calls, and
 * made objects of its vectors, for the life of the process. With two classes in the profile there is no trap to be met.
 *
 * <p>{@code SteadyAllocationTest}, after the backend's contract in the same JVM, fails without this. Kernels keep to one width of float
 * vectors for the same reason.
 */
final class VectorProfiles {
  /** C1, whose code writes the profiles, is started at 200 calls, looked at every 128, and takes a while. */
  private static final int TURNS = 400;

  private VectorProfiles() {
  }

  static void fill() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(FloatLanes.SPECIES.vectorByteSize(), Memory.ALIGNMENT);
      for (int i = 0; i < TURNS; i++) {
        FloatVector floats = FloatVector.fromMemorySegment(FloatLanes.SPECIES, memory, 0, FloatLanes.ORDER);
        IntVector ints = IntVector.fromMemorySegment(FloatLanes.INTS, memory, 0, FloatLanes.ORDER);
        FloatLanes.SPECIES.maskAll(true);
        FloatLanes.INTS.maskAll(true);
        floats.add(floats);
        if (i > TURNS / 2 && i % 8 == 0) {
          // The code behind an operator is made when it is first used, with another class for each of these.
          floats.abs();
          floats.fma(floats, floats);
          ints.neg();
          ints.add(ints);
        }
      }
    }
  }
}
