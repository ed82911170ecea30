package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Working memory of one thread, which grows to what the largest chunk of work has wanted. */
final class Scratch {
  private static final ThreadLocal<Scratch> MINE = ThreadLocal.withInitial(Scratch::new);

  private MemorySegment segment = MemorySegment.NULL;

  private Scratch() {
  }

  /** The address of at least {@code bytes} of the calling thread's memory, good until the thread's next call. */
  static long address(long bytes) {
    Scratch mine = MINE.get();
    if (mine.segment.byteSize() < bytes) {
      mine.segment = Arena.ofAuto().allocate(Math.max(bytes, 1 << 16), Memory.ALIGNMENT);
    }
    return mine.segment.address();
  }
}
