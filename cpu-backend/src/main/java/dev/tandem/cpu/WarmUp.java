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
  /**
   * Whether kernels that have a twin without vectors, of the same bits, leave the work to it until they are compiled. Work done with
   * objects is ten to a hundred times slower than that, and has the insides of the Vector API compiled before the kernels that wait.
   * Tests turn it off: they run vectors from the first call on.
   */
  static final boolean SCALAR_FIRST = !"false".equals(System.getProperty("tandem.cpu.scalarFirst"));

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
  /** Vector operations that with objects take some 2 ms, a fraction of the time that C2 takes for a kernel. */
  private static final long FEW_OPERATIONS = 30_000;
  /** Idle calls that C1 is started at: 200, looked at every 128. */
  private static final int FIRST_CALLS = 256;
  /**
   * Runs that C2 is to have seen in code of C1, so that it takes no branch for one that is never taken. Each makes objects, and so many
   * that HotSpot has C2 compile the insides of the Vector API, which no kernel calls: with 24 runs of every tile of a network that took
   * as long as the tiles. (With 1 the first tile stayed slow for good; tiles of 4 turns instead of 12 were unrolled half as far.)
   */
  private static final int RUNS = 8;
  /** Idle calls between them, of {@link #TURNS}: C2 is started at 600 and 15,000 turns, looked at every 8192. */
  private static final int CALLS_BETWEEN = 78;
  /** Idle calls between two looks at the clock while C1 is waited for: fewer than the 128 after which HotSpot looks at its counters. */
  private static final int CALLS_WHILE_INTERPRETED = 64;
  /** The same while C2 is waited for: new code of C1 starts it at 600, so that a run comes before. */
  private static final int CALLS_WHILE_COMPILED = 150;
  /** Of this many such looks one comes with a run. */
  private static final int PAUSES_BETWEEN_RUNS = 3;
  /** Some 20 ms, in which the second code of C1 is there. */
  private static final int PAUSES_WITH_RUNS = 32;
  /** Turns of an idle call that is timed: some 8 ns each in the interpreter, 2 in code of C1, and C2 leaves nothing of the loop. */
  private static final int TIMED_TURNS = 200;
  /** Above what a call takes, and below what the turns do in code of C1. */
  private static final long TIMED_NANOS = 250;
  /** More would have the idle loop compiled in the middle. */
  private static final int TIMED_CALLS = 75;
  /** Runs are timed that seldom, because each makes objects; not every kernel has an idle loop. */
  private static final int PAUSES_OF_A_RUN = 6;
  /** A vector operation takes some 3 µs in the interpreter, 60 ns with objects, and 0.2 to 2 without. */
  private static final long BOXED_NANOS = 8;
  /** How many times as long a run takes with objects, at least. */
  private static final int BOXED_TIMES = 5;
  /** How many times as long the first runs may take because the insides of the Vector API are interpreted. */
  private static final int INSIDES_TIMES = 8;
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
  private final CountDownLatch compiledOnce = new CountDownLatch(1);
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

  /** Whether the kernel is to do the work, rather than a twin without vectors. */
  boolean isReady() {
    return done || !SCALAR_FIRST;
  }

  /** Begins, and waits if the work is so much that its twin would take longer. */
  void prepare(boolean much) {
    if (!done) {
      begin();
      if (much || !SCALAR_FIRST) {
        await();
      }
    }
  }

  /** Begins in a thread of its own, unless it has begun. */
  void begin() {
    if (!begun.get() && begun.compareAndSet(false, true)) {
      Thread.ofPlatform().name("tandem-cpu-warm-up").daemon().start(this::run);
    }
  }

  /** Returns when the kernel is fast, or after two seconds: a JVM may have no C2, or be busy. Later ones are then waited for less. */
  void await() {
    if (!done) {
      begin();
      await(end);
    }
  }

  /**
   * Waits before so much work only as long as that pays: for C2 before much of it, and for C1 before little, which is then done with
   * objects while C2 goes on.
   *
   * @param work vector operations, of which one takes as long as one of a kernel's turn
   */
  void await(long work) {
    if (!done) {
      begin();
      await(work < FEW_OPERATIONS ? compiledOnce : end);
    }
  }

  private static void await(CountDownLatch latch) {
    boolean interrupted = false;
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Begins with all of them. */
  static void begin(List<WarmUp> all) {
    all.forEach(WarmUp::begin);
  }

  /** Waits for all of them, which are compiled at the same time. */
  static void await(List<WarmUp> all) {
    begin(all);
    all.forEach(WarmUp::await);
  }

  /** {@link #prepare(boolean)} of all of them, which are compiled at the same time. */
  static void prepare(List<WarmUp> all, boolean much) {
    begin(all);
    all.forEach(w -> w.prepare(much));
  }

  static boolean areReady(List<WarmUp> all) {
    for (WarmUp w : all) {
      if (!w.isReady()) {
        return false;
      }
    }
    return true;
  }

  private void run() {
    try {
      compile();
    } finally {
      done = true;
      compiledOnce.countDown();
      end.countDown();
    }
  }

  private void compile() {
    kernel.run(1);
    long start = System.nanoTime();
    long interpreted = Math.min(timeIdle(), timeIdle());
    idle(FIRST_CALLS, -1);
    int timed = 2;
    while (timeIdle() >= interpreted / 2) {
      if (System.nanoTime() - start > patienceNanos) {
        giveUp();
        return;
      }
      if (++timed == TIMED_CALLS / 2) {
        // Too short to tell: what is compiled by now is.
        break;
      }
      // Not many: an interpreter that waits for a busy C1 counts them itself, and C2 would then be started before a single run.
      idle(CALLS_WHILE_INTERPRETED, -1);
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    long boxed = Long.MAX_VALUE;
    for (int i = 0; i < RUNS; i++) {
      boxed = Math.min(boxed, timeRun());
      idle(CALLS_BETWEEN, -TURNS);
    }
    long least = boxed / INSIDES_TIMES;
    compiledOnce.countDown();
    for (int pauses = 0; System.nanoTime() - start < patienceNanos; pauses++) {
      boolean seemsFast = timed < TIMED_CALLS && timeIdle() < TIMED_NANOS;
      timed++;
      if (seemsFast || pauses % PAUSES_OF_A_RUN == PAUSES_OF_A_RUN - 1) {
        long time = timeRun();
        if (isFast(time, boxed)) {
          patienceNanos = LONG_PATIENCE_NANOS;
          return;
        }
        // With objects too it becomes faster, as the insides of the Vector API are compiled, but not without end.
        boxed = Math.clamp(time, least, boxed);
      }
      // While C2 is busy C1 makes code without profiles first, and later code that has seen none of the runs before.
      if (pauses < PAUSES_WITH_RUNS && pauses % PAUSES_BETWEEN_RUNS == 2) {
        kernel.run(1);
      }
      idle(CALLS_WHILE_COMPILED, -1);
      LockSupport.parkNanos(pauses < TIMED_CALLS / 2 ? PAUSE_NANOS : 5 * PAUSE_NANOS);
    }
    giveUp();
  }

  private static void giveUp() {
    patienceNanos = Math.max(patienceNanos / 4, SHORT_PATIENCE_NANOS);
  }

  private long timeIdle() {
    long from = System.nanoTime();
    kernel.run(-TIMED_TURNS);
    return System.nanoTime() - from;
  }

  private long timeRun() {
    long from = System.nanoTime();
    kernel.run(1);
    return System.nanoTime() - from;
  }

  /** Against the clock, or against runs in code of C1: how many operations a turn has may be known roughly only. */
  private boolean isFast(long time, long boxed) {
    return time < BOXED_NANOS * TURNS * operations || time < boxed / BOXED_TIMES;
  }

  private void idle(int calls, int turns) {
    for (int i = 0; i < calls; i++) {
      kernel.run(turns);
    }
  }
}
