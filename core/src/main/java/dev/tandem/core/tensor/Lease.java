package dev.tandem.core.tensor;

import dev.tandem.core.backend.Storage;
import org.jspecify.annotations.Nullable;

/**
 * The right to use a storage, shared by a tensor and its views. It ends when its lifetime does, or earlier when its frame has
 * abandoned it and nobody (tape, pending gradient) has it pinned.
 */
public final class Lease {
  private final Device device;
  private final Storage storage;
  private final @Nullable StepArena arena;
  private final @Nullable Lifetime lifetime;
  private final @Nullable Frame madeIn;
  private final long born;
  private int pins;
  private int version;
  private boolean abandoned;
  private boolean constant;
  private @Nullable String released;

  private Lease(Device device, Storage storage, @Nullable StepArena arena, @Nullable Lifetime lifetime,
      @Nullable Frame madeIn) {
    this.device = device;
    this.storage = storage;
    this.arena = arena;
    this.lifetime = lifetime;
    this.madeIn = madeIn;
    this.born = lifetime == null ? 0 : lifetime.generation();
  }

  /** Without end. */
  static Lease persistent(Device device, Storage storage) {
    return new Lease(device, storage, null, null, null);
  }

  /** Until the arena's current step ends, or its frame before that. */
  static Lease step(Device device, Storage storage, StepArena arena, @Nullable Frame madeIn) {
    return new Lease(device, storage, arena, arena.lifetime(), madeIn);
  }

  /** The same memory under a right that ends with {@code lifetime}. */
  static Lease until(Lease memory, Lifetime lifetime) {
    return new Lease(memory.device, memory.storage, null, lifetime, null);
  }

  Device device() {
    return device;
  }

  boolean isPersistent() {
    return lifetime == null;
  }

  /** Whether the memory is that of the running step in {@code other}. */
  boolean isOf(StepArena other) {
    return arena == other;
  }

  /** The memory.
   *
   * @throws IllegalStateException if the right to use it has ended
   */
  Storage storage() {
    if (released != null) {
      throw new IllegalStateException("this tensor was freed " + released + where() + "; keep() it, or return it");
    }
    if (lifetime != null && lifetime.generation() != born) {
      throw new IllegalStateException(
          "this tensor was freed at the end of " + lifetime.describe(born) + where() + "; keep() it, or return it");
    }
    return storage;
  }

  /** Whether the right to use the memory has not ended. */
  boolean isLive() {
    return released == null && (lifetime == null || lifetime.generation() == born);
  }

  private String where() {
    return madeIn == null ? "" : " (" + madeIn.path() + ")";
  }

  /** How often the memory was overwritten. */
  public int version() {
    return version;
  }

  void written() {
    version++;
  }

  /** From now on the memory may be shared by anyone, and is not written again. */
  void makeConstant() {
    constant = true;
  }

  /** @throws IllegalStateException if the memory holds a shared constant */
  void checkWritable() {
    if (constant) {
      throw new IllegalStateException("this tensor is a constant that others share; write to a copy, such as add(0)");
    }
  }

  /** Whether a tensor of {@code other} shares this memory. */
  public boolean sharesMemory(Lease other) {
    return storage == other.storage;
  }

  /** Keeps the memory from being reused until the pin is taken off. */
  public void pin() {
    pins++;
  }

  public void unpin() {
    pins--;
    if (pins == 0 && abandoned && released == null && lifetime != null && lifetime.generation() == born
        && arena != null) {
      released = "by backward in " + lifetime.describe(born);
      arena.giveBack(storage);
    }
  }

  /** Nobody will ask for this tensor any more; the memory goes back now, or with the last pin.
   *
   * @param when for the message of a late use: {@code at the end of encoder.3}
   */
  public void abandon(String when) {
    if (released != null || arena == null || lifetime == null || abandoned) {
      return;
    }
    abandoned = true;
    if (pins == 0) {
      released = when + " in " + lifetime.describe(born);
      arena.giveBack(storage);
    }
  }

  /** Takes back an abandonment and a pin: the frame's result turned out to use this memory. */
  public void adopt() {
    abandoned = false;
    pins--;
  }
}
