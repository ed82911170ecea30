package dev.tandem.core.backend;

import java.util.List;

/** A prepared list of calls. Runs on the memory it was prepared for. */
public interface Replay extends AutoCloseable {
  void run();

  /** What is replayed, for people: {@code 21 calls}. */
  String describe();

  @Override
  default void close() {
  }

  /** Prepared calls that are run one after the other. */
  static Replay of(List<? extends Runnable> calls) {
    Runnable[] fixed = calls.toArray(Runnable[]::new);
    return new Replay() {
      @Override
      public void run() {
        for (Runnable call : fixed) {
          call.run();
        }
      }

      @Override
      public String describe() {
        return fixed.length + " calls";
      }
    };
  }
}
