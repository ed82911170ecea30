package dev.tandem.cuda;

import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.PendingRead;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * Copies to the host through page-locked memory: at once, or later. Later means that the device sets small values aside in the stream of
 * all work, so that the next step may overwrite them, and sends them over a stream of its own, while it computes on.
 */
final class Downloads implements AutoCloseable {
  /** Bytes that can be read later. */
  static final int MOST_LATER = 4096;

  private static final long LANDING = 4L << 20;
  static final int SLOTS = 64;
  /** Behind a slot's values: whether an operation before had noted an index out of range. */
  private static final int FLAG = 4096;
  private static final int STRIDE = FLAG + 64;
  private static final long ALL = (long) SLOTS * STRIDE;

  private final CudaContext context;
  private final CUstream copies = new CUstream();
  /** A landing place of what is read at once, then the slots. */
  private final PinnedMemory host;
  /** On the device; 0 before the first is wanted. */
  private long asides;
  private final Event aside;
  private final Slot[] ring = new Slot[SLOTS];
  private int next;

  /** A place for values on their way. */
  private static final class Slot {
    final int offset;
    final Event arrived;
    @Nullable Later occupant;

    Slot(int offset, Event arrived) {
      this.offset = offset;
      this.arrived = arrived;
    }
  }

  /** Values on their way. */
  private final class Later implements PendingRead {
    private final MemorySegment to;
    private @Nullable Slot slot;
    private boolean badIndex;

    Later(Slot slot, MemorySegment to) {
      this.slot = slot;
      this.to = to;
    }

    @Override
    public boolean isDone() {
      Slot waiting = slot;
      if (waiting == null) {
        return true;
      }
      context.enter();
      return waiting.arrived.isDone();
    }

    @Override
    public void await() {
      context.enter();
      arrive();
      if (badIndex) {
        badIndex = false;
        context.synchronize();
        context.raiseIndexErrors();
      }
    }

    /** Takes the values out of the slot. */
    void arrive() {
      Slot full = slot;
      if (full != null) {
        full.arrived.await();
        to.copyFrom(arrived(full.offset, to.byteSize()));
        badIndex = arrived(full.offset + FLAG, Integer.BYTES).get(ValueLayout.JAVA_INT, 0) != 0;
        full.occupant = null;
        slot = null;
      }
    }
  }

  Downloads(CudaContext context) {
    this.context = context;
    host = new PinnedMemory(context, LANDING + ALL);
    context.check(JCudaDriver.cuStreamCreate(copies, CudaContext.NON_BLOCKING), "cuStreamCreate");
    aside = new Event(context);
    for (int i = 0; i < SLOTS; i++) {
      ring[i] = new Slot(i * STRIDE, new Event(context));
    }
  }

  /** Reads when all work given before is done. */
  void read(long source, MemorySegment to) {
    long bytes = to.byteSize();
    for (long done = 0; done < bytes;) {
      long n = Math.min(bytes - done, LANDING);
      context.check(JCudaDriver.cuMemcpyDtoHAsync(host.at(0), new Address(source + done), n, context.stream()),
          "cuMemcpyDtoHAsync");
      context.synchronize();
      to.asSlice(done, n).copyFrom(host.slice(0, n));
      done += n;
    }
  }

  /**
   * Reads at most {@link #MOST_LATER} bytes as they are when all work given before is done. Waits only with every slot taken, or where
   * the device has no room for values set aside.
   */
  PendingRead later(long source, MemorySegment to) {
    if (!hasRoom()) {
      read(source, to);
      context.raiseIndexErrors();
      return PendingRead.DONE;
    }
    Slot slot = ring[next];
    next = (next + 1) % SLOTS;
    if (slot.occupant != null) {
      slot.occupant.arrive();
    }
    long bytes = to.byteSize();
    long set = asides + slot.offset;
    context.check(JCudaDriver.cuMemcpyDtoDAsync(new Address(set), new Address(source), bytes, context.stream()),
        "cuMemcpyDtoDAsync");
    aside.record(context.stream());
    aside.holdBack(copies);
    receive(slot.offset, set, bytes);
    arrived(slot.offset + FLAG, Integer.BYTES).set(ValueLayout.JAVA_INT, 0, 0);
    long flag = context.indexErrorFlag();
    if (flag != 0) {
      receive(slot.offset + FLAG, flag, Integer.BYTES);
    }
    slot.arrived.record(copies);
    Later later = new Later(slot, to);
    slot.occupant = later;
    return later;
  }

  private boolean hasRoom() {
    if (asides == 0) {
      try {
        asides = context.allocate(ALL);
      } catch (OutOfDeviceMemoryException e) {
        return false;
      }
    }
    return true;
  }

  private MemorySegment arrived(long offset, long bytes) {
    return host.slice(LANDING + offset, bytes);
  }

  private void receive(long offset, long source, long bytes) {
    context.check(JCudaDriver.cuMemcpyDtoHAsync(host.at(LANDING + offset), new Address(source), bytes, copies),
        "cuMemcpyDtoHAsync");
  }

  @Override
  public void close() {
    context.check(JCudaDriver.cuStreamSynchronize(copies), "cuStreamSynchronize");
    for (Slot s : ring) {
      s.arrived.close();
    }
    aside.close();
    context.check(JCudaDriver.cuStreamDestroy(copies), "cuStreamDestroy");
    if (asides != 0) {
      context.release(asides);
    }
    host.close();
  }
}
