package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * The registry of the checked mode: all memory that kernels know addresses of. Freed blocks stay for a while, poisoned, so that the
 * system does not give their addresses away and a late access meets them.
 */
final class Allocations {
  private static final long QUARANTINE_BYTES = 64 << 20;
  private static final ConcurrentSkipListMap<Long, Allocation> ALL = new ConcurrentSkipListMap<>();
  /** Where an address was found lately. Races do no harm: what is found here is asked again. */
  private static final @Nullable Allocation[] RECENT = new Allocation[1 << 12];
  private static final ArrayDeque<Freed> QUARANTINE = new ArrayDeque<>();
  private static long quarantined;

  private record Freed(Allocation block, Runnable release) {}

  private Allocations() {
  }

  static void add(Allocation a) {
    ALL.put(a.address(), a);
  }

  /** The block that begins at {@code address}. */
  static Allocation at(long address) {
    Allocation a = ALL.get(address);
    if (a == null) {
      throw new NoSuchElementException("no memory was allocated at " + Long.toHexString(address));
    }
    return a;
  }

  /** What frees the block at {@code address}. */
  static Runnable release(long address, Arena arena) {
    return () -> free(address, arena::close);
  }

  /** Nobody may touch the block at {@code address} any more; {@code release} gives it back some time later. */
  static void free(long address, Runnable release) {
    Allocation a = at(address);
    a.free();
    synchronized (QUARANTINE) {
      QUARANTINE.add(new Freed(a, release));
      quarantined += a.bytes();
      while (quarantined > QUARANTINE_BYTES) {
        Freed oldest = QUARANTINE.remove();
        quarantined -= oldest.block.bytes();
        ALL.remove(oldest.block.address());
        oldest.release.run();
      }
    }
  }

  /** @throws MemoryAccessException if nobody allowed this */
  static void check(long address, long bytes, boolean write) {
    int slot = (int) (address >>> 8) & RECENT.length - 1;
    Allocation recent = RECENT[slot];
    if (recent == null || !recent.allows(address, bytes, write)) {
      RECENT[slot] = find(address, bytes, write);
    }
  }

  private static Allocation find(long address, long bytes, boolean write) {
    Map.Entry<Long, Allocation> below = ALL.floorEntry(address);
    if (below == null) {
      throw MemoryAccessException.of(address, bytes, write, "below all that was allocated");
    }
    Allocation a = below.getValue();
    if (!a.allows(address, bytes, write)) {
      throw MemoryAccessException.of(address, bytes, write, a.refusal(address, bytes, write));
    }
    return a;
  }
}
