package dev.tandem.core.backend;

/** A prepared list of calls. Runs on the memory it was prepared for. */
public interface Replay extends AutoCloseable {
  void run();

  @Override
  default void close() {
  }
}
