package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Has C2 compile a new kernel before it is given work.
 *
 * <p>Until then the Vector API makes an object for every vector, at a hundred times the time, and a kernel with long loops is compiled
 * late: HotSpot counts 60,000 turns of a loop in the interpreter and 40,000 more in code of C1 (some 0.3 s in a tile) before it
 * compiles the middle of the loop, and then once more the whole method. Counted by calls, 100 calls of a few turns and 600 more do.
 * So what is compiled, and when, is also the same in every launch.
 *
 * <p>The turns need not do anything. Kernels have an idle loop for them, which C2 removes: work done with objects has the insides of
 * the Vector API compiled as well, which took C2 longer than all kernels of a network. A few real runs tell C2 which branches are
 * taken.
 */
final class WarmUp {
  /** A kernel on scratch memory. */
  interface Kernel {
    /**
     * @param times 1 to run for a few turns, from {@link #ZEROS} to {@link #OUTPUT}; less than 0: so many turns of the
     *     idle loop, or if there is none, a call that does nothing
     */
    void run(int times);
  }

  /** Turns of the innermost loop in a run, and of the idle loop: with 600 calls they make the 15,000 that C2 is started at. */
  static final int TURNS = 24;
  /** Elements that, done a few times, take longer in a cold loop than warming it up does. */
  static final long ELEMENTS = 1 << 15;
  /** Memory to read: zeros. Numbers that a kernel makes again and again of its own would become infinite, or so small as to be slow. */
  static final long ZEROS;
  /** Memory to write, which nobody reads. */
  static final long OUTPUT;
  private static final long BYTES = 1 << 16;
  /** Idle calls that C1 is started at: 200, looked at every 128. */
  private static final int FIRST_CALLS = 256;
  /** Runs that C2 wants to have seen in code of C1, to know where branches lead: 40 times each. */
  private static final int RUNS = 24;
  /** Idle calls between them, of {@link #TURNS}: C2 is started at 600 and 15,000 turns, looked at every 8192. */
  private static final int CALLS_BETWEEN = 26;
  /** Idle calls between two looks at the clock after that, for a busy compiler. */
  private static final int MORE_CALLS = 250;
  /** Turns of an idle call that is timed: some 8 ns each in the interpreter, 2 in code of C1, and C2 leaves nothing of the loop. */
  private static final int TIMED_TURNS = 100;
  private static final long TIMED_NANOS = 100;
  /** More would have the idle loop compiled in the middle. */
  private static final int TIMED_CALLS = 150;
  private static final int PAUSES_OF_A_RUN = 20;
  /** A vector operation takes some 3 µs in the interpreter, 60 ns with objects, and 0.2 to 2 without. */
  private static final long BOXED_NANOS = 8;
  /** A JVM that is known to have a C2 is given time, one that seems to have none little more. */
  private static final long LONG_PATIENCE_NANOS = 2_000_000_000;
  private static final long SHORT_PATIENCE_NANOS = 20_000_000;
  private static final long PAUSE_NANOS = 200_000;
  private static volatile long patienceNanos = LONG_PATIENCE_NANOS / 2;

  static {
    ZEROS = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
    OUTPUT = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
  }

  private final Kernel kernel;
  private final int operations;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile boolean done;

  /**
   * Does nothing yet.
   *
   * @param operations vector operations in a turn
   */
  WarmUp(Kernel kernel, int operations) {
    this.kernel = kernel;
    this.operations = operations;
  }

  /** Whether the kernel is as fast as it will be soon. */
  boolean isDone() {
    return done;
  }

  /** Begins in a thread of its own, unless it has begun. */
  void begin() {
    if (!begun.get() && begun.compareAndSet(false, true)) {
      Thread.ofPlatform().name("tandem-cpu-warm-up").daemon().start(this::run);
    }
  }

  /** Returns when the kernel is fast, or after two seconds: a JVM may have no C2, or be busy. Later ones are then waited for less. */
  void await() {
    if (done) {
      return;
    }
    if (begun.compareAndSet(false, true)) {
      run();
      return;
    }
    boolean interrupted = false;
    while (!done) {
      try {
        end.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for all of them, which are compiled at the same time. */
  static void await(List<WarmUp> all) {
    all.forEach(WarmUp::begin);
    all.forEach(WarmUp::await);
  }

  private void run() {
    try {
      compile();
    } finally {
      done = true;
      end.countDown();
    }
  }

  private void compile() {
    kernel.run(1);
    long start = System.nanoTime();
    long interpreted = Math.min(timeIdle(), timeIdle());
    idle(FIRST_CALLS, -1);
    int runs = 0;
    int pauses = 0;
    while (System.nanoTime() - start < patienceNanos) {
      long idle = pauses < TIMED_CALLS ? timeIdle() : Long.MAX_VALUE;
      if (runs < RUNS && idle < interpreted / 2) {
        kernel.run(1);
        idle(CALLS_BETWEEN, -TURNS);
        runs++;
        continue;
      }
      if ((idle < TIMED_NANOS || pauses % PAUSES_OF_A_RUN == PAUSES_OF_A_RUN - 1) && isFast()) {
        patienceNanos = LONG_PATIENCE_NANOS;
        return;
      }
      idle(MORE_CALLS, -1);
      LockSupport.parkNanos(pauses < TIMED_CALLS / 3 ? PAUSE_NANOS : 5 * PAUSE_NANOS);
      pauses++;
    }
    patienceNanos = Math.max(patienceNanos / 4, SHORT_PATIENCE_NANOS);
  }

  private long timeIdle() {
    long from = System.nanoTime();
    kernel.run(-TIMED_TURNS);
    return System.nanoTime() - from;
  }

  private boolean isFast() {
    long from = System.nanoTime();
    kernel.run(1);
    return System.nanoTime() - from < BOXED_NANOS * TURNS * operations;
  }

  private void idle(int calls, int turns) {
    for (int i = 0; i < calls; i++) {
      kernel.run(turns);
    }
  }
}
