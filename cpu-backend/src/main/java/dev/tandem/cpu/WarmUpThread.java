package dev.tandem.cpu;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The thread that warms kernels up, a few at a time: first those that somebody waits for, then the others as they were wanted, and when
 * there are no more, those that can wait. With all of them at once HotSpot's queues are full: each kernel waits for all others, and C1
 * makes a first version of each without profiles, and later another (the first step of a small convolutional network took 1.2 s, and
 * takes 0.8 so).
 */
final class WarmUpThread extends Thread {
  /** So that C1 and C2 have something to do while this thread waits for them. */
  private static final int AT_ONCE = 3;
  private static final long PAUSE_NANOS = 200_000;
  /**
   * For how long nothing else was wanted when those begin that can wait: what calls the kernels is compiled by then, which they would
   * keep the compilers from. Two tiles that add take them 0.2 s, and make a step 3 % shorter.
   */
  private static final long QUIET_NANOS = 1_000_000_000;
  /** Between one of these and the next. */
  private static final long APART_NANOS = 300_000_000;
  private static final long LONG_PAUSE_NANOS = 20_000_000;

  // These five are guarded by the first.
  private static final Deque<WarmUp> WANTED = new ArrayDeque<>();
  private static final Deque<WarmUp> AWAITED = new ArrayDeque<>();
  private static final Deque<WarmUp> LATER = new ArrayDeque<>();
  private static @Nullable WarmUpThread running;
  private static boolean profilesBegun;
  // Only the thread that warms up touches these; one starts after the last has ended.
  /** Null without vectors. */
  private static @Nullable VectorProfiles profiles;
  private static boolean profilesFilled = true;

  private final List<WarmUp> active = new ArrayList<>();
  /** When those that can wait may begin. */
  private long quiet = System.nanoTime() + QUIET_NANOS;

  private WarmUpThread() {
    super("tandem-cpu-warm-up");
    setDaemon(true);
  }

  /** Begins with what all kernels need. */
  static void begin() {
    synchronized (WANTED) {
      if (running == null) {
        running = new WarmUpThread();
        running.start();
      } else {
        // It may be waiting for its time to come.
        LockSupport.unpark(running);
      }
    }
  }

  /** Warms a kernel up when those before it are done. */
  static void add(WarmUp w) {
    synchronized (WANTED) {
      WANTED.addLast(w);
      begin();
    }
  }

  /** Warms a kernel up when there is nothing else to do. */
  static void addLater(WarmUp w) {
    synchronized (WANTED) {
      LATER.addLast(w);
      begin();
    }
  }

  /** For a kernel, which this thread advances, that C2 has made slow. */
  static void fillProfilesAgain() {
    VectorProfiles p = profiles;
    if (p != null) {
      p.again();
      profilesFilled = false;
    }
  }

  /** Has it warmed up at once. */
  static void hurry(WarmUp w) {
    synchronized (WANTED) {
      if (WANTED.remove(w) || LATER.remove(w)) {
        AWAITED.addLast(w);
        begin();
      }
    }
  }

  @Override
  public void run() {
    if (isFirst()) {
      guarded(() -> {
        profiles = new VectorProfiles();
        profilesFilled = false;
        return true;
      });
      guarded(() -> {
        PointwiseInterpreter.warmUp();
        return true;
      });
    }
    while (take()) {
      boolean filled = profilesFilled;
      active.removeIf(w -> guarded(() -> w.advance(filled)));
      VectorProfiles p = profiles;
      if (p != null && !profilesFilled && guarded(p::fill)) {
        profilesFilled = true;
      }
      LockSupport.parkNanos(active.isEmpty() && profilesFilled ? LONG_PAUSE_NANOS : PAUSE_NANOS);
    }
  }

  private static boolean isFirst() {
    synchronized (WANTED) {
      boolean first = Lanes.AVAILABLE && !profilesBegun;
      profilesBegun = true;
      return first;
    }
  }

  /** A kernel that fails fails again where it is used; others go on. */
  private boolean guarded(BooleanSupplier part) {
    try {
      return part.getAsBoolean();
    } catch (Throwable t) {
      getUncaughtExceptionHandler().uncaughtException(this, t);
      return true;
    }
  }

  /** Fills the list; false to end. */
  private boolean take() {
    synchronized (WANTED) {
      int before = active.size();
      while (!AWAITED.isEmpty()) {
        active.add(AWAITED.removeFirst());
      }
      while (active.size() < AT_ONCE && !WANTED.isEmpty()) {
        active.add(WANTED.removeFirst());
      }
      if (active.size() > before) {
        quiet = System.nanoTime() + QUIET_NANOS;
      } else if (active.isEmpty() && !LATER.isEmpty() && System.nanoTime() - quiet > 0) {
        active.add(LATER.removeFirst());
        quiet = System.nanoTime() + APART_NANOS;
      }
      if (profilesFilled && active.isEmpty() && LATER.isEmpty()) {
        running = null;
        return false;
      }
      return true;
    }
  }
}
