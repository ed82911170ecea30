package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

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
   * Tests turn it off: they run vectors from the first call on. So do checks of memory, which are of what vectors touch.
   */
  static final boolean SCALAR_FIRST = !Memory.CHECKED && !"false".equals(System.getProperty("tandem.cpu.scalarFirst"));

  private enum Phase {
    NEW, INTERPRETED, COMPILED_ONCE
  }

  /** A kernel on scratch memory. */
  interface Kernel {
    /**
     * @param turns of its innermost loop, about, at most {@link #TURNS}, from {@link #ZEROS} to {@link #OUTPUT}; less than 0: so many
     *     of the idle loop, or if there is none, a call that does nothing
     */
    void run(int turns);
  }

  /** Turns of the idle loop: with 600 calls they make the 15,000 that C2 is started at. */
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
  /**
   * Of a run. Each makes objects, of which HotSpot has C2 compile the insides of the Vector API, which no kernel calls: with 8 runs of 24
   * turns that took C2 longer than all kernels of a network. With fewer than 40 turns in all C2 counts them as unknown, which neither
   * leaves a loop out nor limits how far it is unrolled.
   */
  private static final int FEW_TURNS = 2;
  /** Runs that C2 is to have seen in code of C1, so that it takes no branch for one that is never taken. */
  private static final int RUNS = 3;
  /** Idle calls between them, of {@link #TURNS}: C2 is started at 600 and 15,000 turns, looked at every 8192. */
  private static final int CALLS_BETWEEN = 208;
  /** Idle calls between some looks at the clock while C2 is waited for. */
  private static final int CALLS_WHILE_COMPILED = 150;
  private static final int PAUSES_BETWEEN_RUNS = 8;
  /** The same where there is no idle loop, and only a run tells whether C2 has compiled it. */
  private static final int PAUSES_OF_A_RUN = 6;
  /** Turns of an idle call that is timed: some 8 ns each in the interpreter, 1 to 2 in code of C1, and C2 leaves nothing of the loop. */
  private static final int TIMED_TURNS = 400;
  /** Above what a call takes, and below what the turns do in code of C1. */
  private static final long IDLE_NANOS = 250;
  private static final int IDLE_TIMES = 3;
  /** Above what an idle call takes in the interpreter where there is no loop. */
  private static final long LONG_CALL_NANOS = 1000;
  /** Some 10 ms. */
  private static final int MOST_LOOKS = 37;
  /** A vector operation takes some 3 µs in the interpreter, 60 ns with objects, and 0.2 to 2 without. */
  private static final long BOXED_NANOS = 4;
  /** Of code of C2, before it is made anew. */
  private static final int MOST_SLOW_RUNS = 4;
  /** How often code is made anew; each time is likely to do. */
  private static final int MOST_RENEWALS = 8;
  private static final int MOST_DOUBLINGS = 4;
  /** A call, and a look at the clock. */
  private static final long CALL_NANOS = 150;
  /** How many times as long a run takes with objects, at least. */
  private static final int BOXED_TIMES = 5;
  /** How many times as long the first runs may take because the insides of the Vector API are interpreted, on average. */
  private static final int INSIDES_TIMES = 8;
  /** And at most: by the average, slow code was taken for fast in one of twenty launches with {@code -XX:Tier3DelayOn=0}. */
  private static final int MOST_INSIDES_TIMES = 50;
  /** A JVM that is known to have a C2 is given time, one that seems to have none little more. */
  private static final long LONG_PATIENCE_NANOS = 2_000_000_000;
  private static final long SHORT_PATIENCE_NANOS = 20_000_000;
  private static volatile long patienceNanos = LONG_PATIENCE_NANOS / 2;

  static {
    ZEROS = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
    OUTPUT = Memory.allocate(Arena.global(), BYTES, 0, Allocation.Use.KERNEL, "memory to warm up with").address();
  }

  private final Kernel kernel;
  private final int operations;
  private final @Nullable Runnable renew;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile boolean done;
  // Of the thread that warms up.
  private Phase phase = Phase.NEW;
  private long start;
  private long interpreted;
  private int looks;
  private boolean inCodeOfC1;
  private long boxed;
  private long compiledOnceIdle;
  private int pauses;
  private int slowRuns;
  private int renewals;

  /**
   * Does nothing yet.
   *
   * @param operations vector operations in a turn
   */
  WarmUp(Kernel kernel, int operations) {
    this(kernel, operations, null);
  }

  /** @param renew has the next run be of new code: what C2 has made of the old one, which then stays slow, depends on what it knew */
  WarmUp(Kernel kernel, int operations, @Nullable Runnable renew) {
    this.kernel = kernel;
    this.renew = renew;
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

  /** Begins in the {@link WarmUpThread}, unless it has begun. */
  void begin() {
    if (!begun.get() && begun.compareAndSet(false, true)) {
      WarmUpThread.add(this);
    }
  }

  /** Begins when no kernel is left that is wanted sooner. */
  void beginLater() {
    if (!begun.get() && begun.compareAndSet(false, true)) {
      WarmUpThread.addLater(this);
    }
  }

  /** Returns when the kernel is fast, or after two seconds: a JVM may have no C2, or be busy. Later ones are then waited for less. */
  void await() {
    if (done) {
      return;
    }
    begin();
    WarmUpThread.hurry(this);
    boolean interrupted = false;
    while (end.getCount() > 0) {
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

  /** Begins with all of them. */
  static void begin(List<WarmUp> all) {
    all.forEach(WarmUp::begin);
  }

  /** Waits for all of them, which are compiled at the same time. */
  static void await(List<WarmUp> all) {
    begin(all);
    all.forEach(WarmUpThread::hurry);
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

  /**
   * Goes on until something is to be waited for, which other kernels can use the time of; true at the end.
   *
   * @param profiled whether {@link VectorProfiles} are filled, before which C2 is not started
   */
  boolean advance(boolean profiled) {
    boolean ended = true;
    try {
      ended = switch (phase) {
        case NEW -> start();
        case INTERPRETED -> isCompiledOnce() ? profiled && startSecondCompiler() : hasTakenTooLong();
        case COMPILED_ONCE -> isFast() || hasTakenTooLong();
      };
    } finally {
      if (ended) {
        done = true;
        end.countDown();
      }
    }
    return ended;
  }

  private boolean start() {
    kernel.run(FEW_TURNS);
    start = System.nanoTime();
    interpreted = Math.min(timeIdle(), timeIdle());
    idle(FIRST_CALLS, -1);
    looks = 0;
    inCodeOfC1 = false;
    phase = Phase.INTERPRETED;
    return false;
  }

  /** Looks no more once it is: the turns of many looks would start C2 before it knows enough. */
  private boolean isCompiledOnce() {
    inCodeOfC1 = inCodeOfC1 || !isInterpreted();
    return inCodeOfC1;
  }

  /** One call a look: of some hundred HotSpot would make a profile that has seen no run, and by which C2 leaves out the work. */
  private boolean isInterpreted() {
    if (timeIdle() < interpreted / 2) {
      return false;
    }
    // Without idle loop there may be no difference.
    return interpreted > LONG_CALL_NANOS || ++looks < MOST_LOOKS;
  }

  private boolean startSecondCompiler() {
    boxed = Long.MAX_VALUE;
    // More of them where C2 did not know enough.
    for (int i = 0; i < RUNS << Math.min(renewals, MOST_DOUBLINGS); i++) {
      boxed = Math.min(boxed, timeRun(FEW_TURNS));
      idle(CALLS_BETWEEN, -TURNS);
    }
    compiledOnceIdle = Math.min(timeIdle(), timeIdle());
    pauses = 0;
    slowRuns = 0;
    phase = Phase.COMPILED_ONCE;
    return false;
  }

  private boolean isFast() {
    pauses++;
    boolean often = pauses % PAUSES_BETWEEN_RUNS == 0;
    if (seemsFast()) {
      // A few turns first: slow ones make objects.
      if (isFast(FEW_TURNS) && isFast(TURNS)) {
        patienceNanos = LONG_PATIENCE_NANOS;
        return true;
      }
      slowRuns++;
      if (renew != null && renewals < MOST_RENEWALS && slowRuns == MOST_SLOW_RUNS) {
        renewals++;
        WarmUpThread.fillProfilesAgain();
        renew.run();
        phase = Phase.NEW;
      }
    } else if (often) {
      // Where C1 was busy it made code without profiles first, and later code that has seen none of the runs before.
      kernel.run(FEW_TURNS);
    }
    if (often) {
      // HotSpot compiles first what is called most.
      idle(CALLS_WHILE_COMPILED, -1);
    }
    return false;
  }

  private boolean seemsFast() {
    return hasIdleLoop() ? timeIdle() < compiledOnceIdle / IDLE_TIMES : pauses % PAUSES_OF_A_RUN == 0;
  }

  private boolean hasIdleLoop() {
    return compiledOnceIdle >= IDLE_NANOS;
  }

  private boolean hasTakenTooLong() {
    if (System.nanoTime() - start <= patienceNanos) {
      return false;
    }
    patienceNanos = Math.max(patienceNanos / 4, SHORT_PATIENCE_NANOS);
    return true;
  }

  private long timeIdle() {
    long from = System.nanoTime();
    kernel.run(-TIMED_TURNS);
    return System.nanoTime() - from;
  }

  private long timeRun(int turns) {
    long from = System.nanoTime();
    kernel.run(turns);
    return System.nanoTime() - from;
  }

  /**
   * Against the clock, or against runs in code of C1: how many operations a turn has may be known roughly only. Code that can be made
   * anew is rather thought slow.
   */
  private boolean isFast(int turns) {
    long time = timeRun(turns);
    int times = BOXED_TIMES * (renew == null ? INSIDES_TIMES : MOST_INSIDES_TIMES);
    return time < CALL_NANOS + BOXED_NANOS * turns * operations || time < boxed * turns / FEW_TURNS / times;
  }

  private void idle(int calls, int turns) {
    for (int i = 0; i < calls; i++) {
      kernel.run(turns);
    }
  }
}
