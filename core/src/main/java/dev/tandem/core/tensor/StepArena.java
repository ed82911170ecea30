package dev.tandem.core.tensor;

import dev.tandem.core.backend.Storage;
import dev.tandem.core.shape.DType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Memory of one step at a time. Free blocks form one stack per dtype and size class, which every step finds in the order of their
 * creation, so equal sequences of requests get equal addresses.
 */
public final class StepArena {
  private record Size(DType dtype, long elements) {
    // Written out as in Program.Instruction.
    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Size s && dtype == s.dtype && elements == s.elements;
    }

    @Override
    public int hashCode() {
      return 31 * dtype.hashCode() + Long.hashCode(elements);
    }
  }

  private final Device device;
  private final Lifetime lifetime;
  private final Map<Size, ArrayDeque<Storage>> free = new HashMap<>();
  private final List<Storage> blocks = new ArrayList<>();
  private @Nullable Storage scratch;

  /** @param name what a step is called in messages: {@code step} */
  public StepArena(Device device, String name) {
    this.device = device;
    this.lifetime = new Lifetime(name, 1);
    device.register(this);
  }

  Lifetime lifetime() {
    return lifetime;
  }

  Storage take(DType dtype, long elements) {
    return take(dtype, elements, null);
  }

  /** @param frame where it is wanted; who makes a block is named when memory runs out */
  Storage take(DType dtype, long elements, @Nullable Frame frame) {
    long size = sizeClass(elements);
    Storage known = stack(dtype, size).poll();
    if (known != null) {
      return known;
    }
    Storage made = device.allocate(dtype, size, frame == null ? "temporaries" : "temporaries of " + frame.path());
    blocks.add(made);
    return made;
  }

  void giveBack(Storage storage) {
    stack(storage.dtype(), storage.elements()).push(storage);
  }

  /**
   * Memory that one call works in. The next call gets the same, since calls run one after the other; when one wants more, a larger
   * block takes its place, and the old one lives as long as a prepared replay uses it.
   */
  Storage scratch(long bytes) {
    Storage known = scratch;
    if (known == null || known.elements() < bytes) {
      scratch = null;
      known = device.allocate(DType.U8, sizeClass(bytes), "scratch memory");
      scratch = known;
    }
    return known;
  }

  void end() {
    lifetime.end();
    for (ArrayDeque<Storage> stack : free.values()) {
      stack.clear();
    }
    for (Storage s : blocks) {
      stack(s.dtype(), s.elements()).add(s);
    }
  }

  /** Lets go of blocks that nobody uses now; whoever still reaches one through a prepared replay keeps it alive. */
  void trim() {
    scratch = null;
    for (ArrayDeque<Storage> stack : free.values()) {
      blocks.removeAll(stack);
      stack.clear();
    }
  }

  /** Bytes held, whether in use or not. */
  public long bytes() {
    long sum = scratch == null ? 0 : scratch.elements();
    for (Storage s : blocks) {
      sum += s.elements() * s.dtype().bytes();
    }
    return sum;
  }

  /** At most an eighth more than asked for, so that the batches of a varying length share blocks. */
  static long sizeClass(long elements) {
    if (elements <= 64) {
      return Math.max(16, (elements + 15) / 16 * 16);
    }
    long step = Long.highestOneBit(elements - 1) / 8;
    return (elements + step - 1) / step * step;
  }

  private ArrayDeque<Storage> stack(DType dtype, long elements) {
    return free.computeIfAbsent(new Size(dtype, elements), k -> new ArrayDeque<>());
  }
}
