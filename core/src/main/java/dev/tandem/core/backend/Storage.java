package dev.tandem.core.backend;

import dev.tandem.core.shape.DType;

/**
 * A block of device memory, known only to its backend. Says nothing about who may use it or how long. Compared by identity, as
 * addresses are.
 */
public interface Storage {
  DType dtype();

  /** How many elements of {@link #dtype} fit. */
  long elements();

  /**
   * What frees the memory, to be run at most once, on a thread that owns the device, when nothing, a prepared replay included, can
   * reach this object any more. Must not hold this object.
   */
  Runnable release();
}
