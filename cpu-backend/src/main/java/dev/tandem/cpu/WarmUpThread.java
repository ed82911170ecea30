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

  // These five are guarded by the first.
  private static final Deque<WarmUp> WANTED = new ArrayDeque<>();
  private static final Deque<WarmUp> AWAITED = new ArrayDeque<>();
  private static final Deque<WarmUp> LATER = new ArrayDeque<>();
  private static boolean running;
  private static boolean profilesBegun;
  // Only the thread that warms up touches these; one starts after the last has ended.
  /** Null without vectors. */
  private static @Nullable VectorProfiles profiles;
  private static boolean profilesFilled = true;

  private final List<WarmUp> active = new ArrayList<>();

  private WarmUpThread() {
    super("tandem-cpu-warm-up");
    setDaemon(true);
  }

  /** Begins with what all kernels need. */
  static void begin() {
    synchronized (WANTED) {
      if (!running) {
        running = true;
        new WarmUpThread().start();
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
      LockSupport.parkNanos(PAUSE_NANOS);
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
      while (!AWAITED.isEmpty()) {
        active.add(AWAITED.removeFirst());
      }
      while (active.size() < AT_ONCE && !WANTED.isEmpty()) {
        active.add(WANTED.removeFirst());
      }
      if (active.isEmpty() && !LATER.isEmpty()) {
        active.add(LATER.removeFirst());
      }
      running = !profilesFilled || !active.isEmpty();
      return running;
    }
  }
}
