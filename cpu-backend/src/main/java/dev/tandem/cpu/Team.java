package dev.tandem.cpu;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads that share the work of one operation at a time: the caller and some helpers, which spin for about a millisecond before
 * they park (dispatch and join of a spinning team cost 0.1 to 0.2 µs, of a parked one 30, of a fork-join pool 43 to 63). Work comes
 * in chunks whose borders must not depend on the number of threads, so results do not either.
 *
 * <p>Each thread begins with its own part of the chunks, one after the other, and then helps the others from the end of theirs. So in
 * operation after operation it works on the same images or rows, which it has in its caches: cores that share no third-level cache
 * pass numbers to each other at a fraction of the speed (a machine's two cores did or did not share one from second to second, and a
 * step whose chunks went to whoever came took 1.5 times as long when they did not).
 *
 * <p>Helpers are guests: one that does not come in time, because it is parked or the machine is busy, is not waited for. The caller
 * waits only for helpers that have taken a chunk, and gives its processor away while it does.
 */
final class Team implements AutoCloseable {
  /**
   * Work on one chunk. Where a first step passes these are classes rather than lambdas if they hold numbers: a lambda that holds them in
   * an order of its own is linked by five classes made for it, for 3 ms. That was 40 ms of a small convolutional network's first step.
   */
  interface Body {
    /** @param worker from 0 to {@link Team#size} - 1, to choose scratch memory by */
    void run(int worker, int chunk);
  }

  private static final long SPIN_NANOS = 1_000_000;
  /** After so many pauses of some 40 ns a waiting thread lets others have its processor. */
  private static final int PAUSES = 1000;
  /** A round's state: its number in the upper half, whether helpers may still join, and how many have not finished. */
  private static final long OPEN = 1L << 31;
  private static final long JOINED = OPEN - 1;
  /** Longs in two cache lines, which processors fetch together. */
  private static final int STRIDE = 16;

  private final Helper[] helpers;
  /** For each worker, {@link #STRIDE} apart, the chunks of its part that nobody has taken: the first, and in the lower half the end. */
  private final AtomicLongArray parts;
  private final AtomicLong round = new AtomicLong();
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;
  private @Nullable Body body;

  /** @param size threads, the caller included; at least 1 */
  Team(int size) {
    helpers = new Helper[size - 1];
    parts = new AtomicLongArray((size + 1) * STRIDE);
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = new Helper(i + 1);
      helpers[i].setDaemon(true);
      helpers[i].start();
    }
  }

  int size() {
    return helpers.length + 1;
  }

  /** Runs every chunk once, on whichever thread, and returns when all are done. An exception in a chunk is thrown here. */
  void run(int count, Body work) {
    if (count <= 1 || helpers.length == 0) {
      for (int c = 0; c < count; c++) {
        work.run(0, c);
      }
      return;
    }
    body = work;
    failure = null;
    for (int w = 0; w < size(); w++) {
      parts.setPlain(at(w), (long) part(count, w) << 32 | part(count, w + 1));
    }
    round.set((round.get() >>> 32) + 1 << 32 | OPEN);
    for (Helper h : helpers) {
      if (h.parked) {
        LockSupport.unpark(h);
      }
    }
    takeChunks(0, work);
    round.getAndAdd(-OPEN);
    for (int i = 0; (round.get() & JOINED) != 0; i++) {
      pause(i);
    }
    body = null;
    Throwable f = failure;
    if (f != null) {
      throw f instanceof RuntimeException r ? r : new IllegalStateException("a worker failed", f);
    }
  }

  private static void pause(int i) {
    if (i % PAUSES < PAUSES - 1) {
      Thread.onSpinWait();
    } else {
      Thread.yield();
    }
  }

  private int part(int count, int worker) {
    return (int) ((long) count * worker / size());
  }

  private static int at(int worker) {
    return (worker + 1) * STRIDE;
  }

  private void takeChunks(int worker, Body work) {
    try {
      for (int c = first(worker); c >= 0; c = first(worker)) {
        work.run(worker, c);
      }
      for (int i = 1; i < size(); i++) {
        int other = (worker + i) % size();
        for (int c = last(other); c >= 0; c = last(other)) {
          work.run(worker, c);
        }
      }
    } catch (Throwable t) {
      // Kept for the caller, who waits until every worker has let go of the operands.
      failure = t;
      for (int w = 0; w < size(); w++) {
        parts.set(at(w), 0);
      }
    }
  }

  /** Takes the first chunk that is left of a worker's part, or -1. */
  private int first(int worker) {
    long left = parts.get(at(worker));
    while (left >>> 32 < (int) left) {
      long before = parts.compareAndExchange(at(worker), left, left + (1L << 32));
      if (before == left) {
        return (int) (left >>> 32);
      }
      left = before;
    }
    return -1;
  }

  /** Takes the last. */
  private int last(int worker) {
    long left = parts.get(at(worker));
    while (left >>> 32 < (int) left) {
      long before = parts.compareAndExchange(at(worker), left, left - 1);
      if (before == left) {
        return (int) left - 1;
      }
      left = before;
    }
    return -1;
  }

  /** Ends the helpers; no more work may be given. */
  @Override
  public void close() {
    closed = true;
    for (Helper h : helpers) {
      LockSupport.unpark(h);
    }
  }

  private final class Helper extends Thread {
    private final int worker;
    private volatile boolean parked;

    Helper(int worker) {
      super("tandem-cpu-" + worker);
      this.worker = worker;
    }

    @Override
    public void run() {
      long seen = 0;
      while (!closed) {
        seen = await(seen);
        if (enter(seen)) {
          Body work = body;
          if (work != null) {
            takeChunks(worker, work);
          }
          round.getAndDecrement();
        }
      }
    }

    /** Counts this helper in, unless the round that it saw is over. */
    private boolean enter(long number) {
      for (long r = round.get(); r >>> 32 == number && (r & OPEN) != 0; r = round.get()) {
        if (round.compareAndSet(r, r + 1)) {
          return true;
        }
      }
      return false;
    }

    /** The number of a round after {@code seen}. */
    private long await(long seen) {
      long start = System.nanoTime();
      for (int i = 0; !closed; i++) {
        long number = round.get() >>> 32;
        if (number != seen) {
          return number;
        }
        pause(i);
        if (i % 64 == 63 && System.nanoTime() - start > SPIN_NANOS) {
          parked = true;
          while (round.get() >>> 32 == seen && !closed) {
            LockSupport.park(Team.this);
          }
          parked = false;
        }
      }
      return seen;
    }
  }
}
