package dev.tandem.core.backend;

/** Values on their way from a device to the host. Like its backend, used by one thread at a time. */
public interface PendingRead {
  /** For a read that was done when it was asked for. */
  PendingRead DONE = new PendingRead() {
    @Override
    public boolean isDone() {
      return true;
    }

    @Override
    public void await() {
    }
  };

  /** Whether {@link #await} would return at once. */
  boolean isDone();

  /** Returns when the host memory that the read was given holds the values. Throws what {@link Backend#read} would have thrown. */
  void await();
}
