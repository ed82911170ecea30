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
  /** C1, whose code writes the profiles, is started at 200 calls, looked at every 128; later while it is busy. */
  private static final int FIRST_TURNS = 256;
  /** In all: some 20 ms. */
  private static final int MOST_TURNS = 1500;
  private static final int TURNS = 32;
  /** How many times as fast as the interpreter code of C1 is, at least. */
  private static final int TIMES = 2;
  /** From 40 times on a branch counts as known, and what was never taken is left out of the code of C2. */
  private static final int PROFILED_TURNS = 256;

  private final MemorySegment memory = Memory.allocate(Arena.global(), FloatLanes.SPECIES.vectorByteSize(), 0,
      Allocation.Use.KERNEL, "memory to warm up with");
  private long interpreted = Long.MAX_VALUE;
  private int turns;
  private int profiled;
  private int wanted = PROFILED_TURNS;

  /** Has C1 started. */
  VectorProfiles() {
    for (; turns < FIRST_TURNS; turns++) {
      interpreted = Math.min(interpreted, time());
    }
  }

  /** Some turns more; true when code of C1 has seen enough of them. */
  boolean fill() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < TURNS; i++) {
      least = Math.min(least, time());
    }
    others(memory);
    turns += TURNS;
    if (least < interpreted / TIMES || turns > MOST_TURNS) {
      profiled += TURNS;
    }
    return profiled >= wanted;
  }

  /** Has what was done done once more, longer: the code of C1 may have been one that writes no profiles. */
  void again() {
    profiled = 0;
    wanted = Math.min(4 * wanted, MOST_TURNS);
  }

  private long time() {
    long from = System.nanoTime();
    turn(memory);
    return System.nanoTime() - from;
  }

  private static void turn(MemorySegment memory) {
    FloatVector floats = FloatVector.fromMemorySegment(FloatLanes.SPECIES, memory, 0, FloatLanes.ORDER);
    IntVector ints = IntVector.fromMemorySegment(FloatLanes.INTS, memory, 0, FloatLanes.ORDER);
    FloatLanes.SPECIES.maskAll(true);
    FloatLanes.INTS.maskAll(true);
    FloatVector.broadcast(FloatLanes.SPECIES, 0).fma(floats, floats).add(floats)
        .intoMemorySegment(memory, 0, FloatLanes.ORDER);
    ints.intoMemorySegment(memory, 0, FloatLanes.ORDER);
  }

  /** The code behind an operator is made when it is first used, with another class for each of these. */
  private static void others(MemorySegment memory) {
    FloatVector floats = FloatVector.fromMemorySegment(FloatLanes.SPECIES, memory, 0, FloatLanes.ORDER);
    IntVector ints = IntVector.fromMemorySegment(FloatLanes.INTS, memory, 0, FloatLanes.ORDER);
    floats.abs();
    floats.sub(floats).mul(floats);
    ints.neg();
    ints.add(ints);
  }
}
