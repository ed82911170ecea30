package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs a new kernel on scratch memory until C2 has compiled it, before it is given work.
 *
 * <p>Until then the Vector API makes an object for every vector, at a hundred times the time, and a kernel with long loops is compiled
 * late: HotSpot counts 60,000 turns of a loop in the interpreter and 40,000 more in code of C1 (some 0.3 s in a tile) before it
 * compiles the middle of the loop, and then once more the whole method. Counted by calls, 100 calls of a few turns and 600 more do.
 * So what is compiled, and when, is also the same in every launch.
 */
final class WarmUp {
  /** Turns of the innermost loop in a call: with 600 calls they make the 15,000 that C2 is started at. */
  static final int TURNS = 24;
  /** Elements that, done a few times, take longer in a cold loop than warming it up does. */
  static final long ELEMENTS = 1 << 15;
  /** Memory to read: zeros. Numbers that a kernel makes again and again of its own would become infinite, or so small as to be slow. */
  static final long ZEROS;
  /** Memory to write, which nobody reads. */
  static final long OUTPUT;
  private static final long BYTES = 1 << 16;
  private static final int CALLS = 800;
  /** A vector operation takes some 60 ns with objects, and 0.2 to 2 without. */
  private static final long BOXED_NANOS = 8;
  private static final long PATIENCE_NANOS = 500_000_000;
  private static final long PAUSE_NANOS = 200_000;

  static {
    ZEROS = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
    OUTPUT = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
  }

  private WarmUp() {
  }

  /**
   * Returns when the kernel is fast, or after half a second: a JVM may have no C2, or be busy.
   *
   * @param call runs the kernel for {@link #TURNS} turns, from {@link #ZEROS} to {@link #OUTPUT}
   * @param operations vector operations in a turn
   */
  static void run(Runnable call, int operations) {
    long end = System.nanoTime() + PATIENCE_NANOS;
    for (int i = 0; i < CALLS && System.nanoTime() < end; i++) {
      call.run();
    }
    long boxed = BOXED_NANOS * TURNS * operations;
    while (System.nanoTime() < end) {
      long from = System.nanoTime();
      call.run();
      if (System.nanoTime() - from < boxed) {
        return;
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
