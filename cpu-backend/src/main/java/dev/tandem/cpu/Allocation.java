package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A block of native memory as the checked mode knows it, and who may touch what of it now. */
final class Allocation {
  /** What a block is for. */
  enum Use {
    /** Tensors: only operations that have a part of it as operand may touch that part. */
    STORAGE,
    /** Kernels' own memory, which they may touch at any time. */
    KERNEL
  }

  /** Bytes of memory that means nothing: four are NaN, or an index of -1. */
  static final byte POISON = -1;
  /** A whole vector may be read at the last element; what lies behind that means nothing. */
  private static final int OVERHANG = Memory.ALIGNMENT - Float.BYTES;
  /** Without vectors, numbers that a tile reads together one by one. */
  private static final int BEHIND = Lanes.AVAILABLE ? 0 : Float.BYTES * (ScalarTile.COLUMNS - 1);

  /** A part that a running operation may read and, if {@code written}, write. */
  private record Window(long from, long to, boolean written) {}

  /** Held, so that it is not collected, nor its address given away, while the registry knows it. */
  private final MemorySegment segment;
  private final long end;
  private final Use use;
  private final String what;
  private volatile Window[] windows = {};
  private volatile boolean freed;

  /** @param bytes of the segment that mean something; the rest is a margin that may be read */
  Allocation(MemorySegment segment, long bytes, Use use, String what) {
    this.segment = segment;
    this.use = use;
    this.what = what;
    end = segment.address() + bytes;
    segment.asSlice(bytes).fill(POISON);
  }

  long address() {
    return segment.address();
  }

  long bytes() {
    return segment.byteSize();
  }

  void poison() {
    segment.fill(POISON);
  }

  /** Poisons the block and lets nobody touch it any more. */
  void free() {
    freed = true;
    poison();
  }

  /** Lets an operation touch the bytes from {@code from} to {@code to}; what is given must be {@linkplain #close closed} after it. */
  synchronized Object open(long from, long to, boolean written) {
    Window added = new Window(from, to, written);
    Window[] more = Arrays.copyOf(windows, windows.length + 1);
    more[windows.length] = added;
    windows = more;
    return added;
  }

  synchronized void close(Object opened) {
    Window[] fewer = new Window[windows.length - 1];
    int n = 0;
    for (Window w : windows) {
      if (w != opened) {
        fewer[n++] = w;
      }
    }
    windows = fewer;
  }

  boolean allows(long address, long bytes, boolean write) {
    long to = address + bytes;
    if (freed || address < segment.address() || to > (write ? end : address() + bytes())) {
      return false;
    }
    if (use == Use.KERNEL) {
      return true;
    }
    for (Window w : windows) {
      if (address >= w.from && (write ? w.written && to <= w.to : address < w.to + BEHIND && to <= w.to + OVERHANG)) {
        return true;
      }
    }
    return false;
  }

  /** Why {@link #allows} said no. */
  String refusal(long address, long bytes, boolean write) {
    String place = "byte " + (address - address()) + " of " + what + " (" + (end - address()) + " bytes)";
    if (freed) {
      return place + ", which was freed";
    }
    if (address >= end) {
      return address - end + " bytes behind the end of " + what;
    }
    if (address + bytes > end) {
      return place + ", across its end";
    }
    StringBuilder open = new StringBuilder();
    for (Window w : windows) {
      open.append(open.isEmpty() ? "" : ", ").append(w.from - address()).append(" to ").append(w.to - address())
          .append(w.written ? " (output)" : " (input)");
    }
    return place + (open.isEmpty() ? ", which is no operand" : ", of which the operands are bytes " + open)
        + (write ? "; only outputs may be written" : "");
  }
}
