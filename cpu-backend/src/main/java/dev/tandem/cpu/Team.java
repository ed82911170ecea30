package dev.tandem.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads that share the work of one operation at a time: the caller and some helpers, which spin for about a millisecond before
 * they park (dispatch and join of a spinning team cost 0.1 to 0.2 µs, of a parked one 30, of a fork-join pool 43 to 63). Work comes
 * in chunks whose borders must not depend on the number of threads, so results do not either.
 */
final class Team implements AutoCloseable {
  /** Work on one chunk. */
  interface Body {
    /** @param worker from 0 to {@link Team#size} - 1, to choose scratch memory by */
    void run(int worker, int chunk);
  }

  private static final long SPIN_NANOS = 1_000_000;

  private final Helper[] helpers;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger busy = new AtomicInteger();
  private volatile int epoch;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;
  private @Nullable Body body;
  private int chunks;

  /** @param size threads, the caller included; at least 1 */
  Team(int size) {
    helpers = new Helper[size - 1];
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
    chunks = count;
    failure = null;
    next.set(0);
    busy.set(helpers.length);
    epoch++;
    for (Helper h : helpers) {
      if (h.parked) {
        LockSupport.unpark(h);
      }
    }
    work(0, work);
    while (busy.get() != 0) {
      Thread.onSpinWait();
    }
    body = null;
    Throwable f = failure;
    if (f != null) {
      throw f instanceof RuntimeException r ? r : new IllegalStateException("a worker failed", f);
    }
  }

  private void work(int worker, Body work) {
    try {
      for (int c = next.getAndIncrement(); c < chunks; c = next.getAndIncrement()) {
        work.run(worker, c);
      }
    } catch (Throwable t) {
      // Kept for the caller, who waits until every worker has let go of the operands.
      failure = t;
      next.set(chunks);
    }
  }

  /** Ends the helpers; no more work may be given. */
  @Override
  public void close() {
    closed = true;
    epoch++;
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
      int seen = 0;
      while (true) {
        await(seen);
        if (closed) {
          return;
        }
        seen = epoch;
        Body work = body;
        if (work != null) {
          Team.this.work(worker, work);
        }
        busy.decrementAndGet();
      }
    }

    private void await(int seen) {
      long start = System.nanoTime();
      while (epoch == seen) {
        for (int i = 0; i < 64 && epoch == seen; i++) {
          Thread.onSpinWait();
        }
        if (epoch == seen && System.nanoTime() - start > SPIN_NANOS) {
          parked = true;
          while (epoch == seen) {
            LockSupport.park(Team.this);
          }
          parked = false;
        }
      }
    }
  }
}
