package dev.tandem.core.tensor;

import dev.tandem.core.backend.PendingRead;
import dev.tandem.core.shape.HostArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A tensor's values, as they were when the copy was asked for, on their way to the host. The device goes on with what it is given
 * meanwhile; {@link Tensor#toHostAsync} makes one.
 */
public final class HostCopy {
  private final ReentrantLock owner;
  private final HostArray values;
  private final PendingRead pending;

  HostCopy(ReentrantLock owner, HostArray values, PendingRead pending) {
    this.owner = owner;
    this.values = values;
    this.pending = pending;
  }

  /** Whether {@link #get} would return at once. */
  public boolean isDone() {
    owner.lock();
    try {
      return pending.isDone();
    } finally {
      owner.unlock();
    }
  }

  /** The elements, in row-major order, when they have arrived.
   *
   * @throws IndexOutOfBoundsException if the device found an index out of range on the way to these values
   */
  public HostArray get() {
    owner.lock();
    try {
      pending.await();
    } finally {
      owner.unlock();
    }
    return values;
  }

  /** The value of a tensor of one element, when it has arrived. */
  public float item() {
    return (float) itemAsDouble();
  }

  /** The value of a tensor of one element, unrounded, when it has arrived. */
  public double itemAsDouble() {
    Tensor.checkItem(values.spec());
    return get().get(0);
  }
}
