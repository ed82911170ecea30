package dev.tandem.cuda;

import dev.tandem.core.backend.OutOfDeviceMemoryException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies from the host that overlap with computing. A step finds its inputs at fixed addresses, which the step before may still read;
 * so a chunk goes over a stream of its own from page-locked memory to a landing place on the device, while the device computes, and
 * from there, in the stream of all work and at the speed of the device's memory, to where it belongs. The host waits only for a
 * landing place, of which there are as many as were ever wanted at a time, up to a limit.
 */
final class Uploads implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Uploads.class);

  /** Up to here the way round costs more than it hides. */
  static final long SMALL = 64L << 10;
  static final long CHUNK = 2L << 20;
  private static final int MOST_SLOTS = 64;

  private final CudaContext context;
  private final DirectUploads direct;
  private final CUstream copies = new CUstream();
  /** In the order of their use. */
  private final List<Slot> ring = new ArrayList<>();
  private int next;
  private boolean mayGrow = true;

  /** A chunk on its way. */
  private final class Slot implements AutoCloseable {
    final PinnedMemory source;
    final long landing;
    final Event landed;
    final Event taken;

    Slot() {
      source = new PinnedMemory(context, CHUNK);
      try {
        landing = context.allocate(CHUNK);
      } catch (OutOfDeviceMemoryException e) {
        source.close();
        throw e;
      }
      landed = new Event(context);
      taken = new Event(context);
    }

    @Override
    public void close() {
      landed.close();
      taken.close();
      context.release(landing);
      source.close();
    }
  }

  Uploads(CudaContext context) {
    this.context = context;
    direct = context.handle(DirectUploads.class, DirectUploads::new);
    context.check(JCudaDriver.cuStreamCreate(copies, CudaContext.NON_BLOCKING), "cuStreamCreate");
  }

  /** The source may be reused on return. */
  void write(long target, MemorySegment from) {
    long bytes = from.byteSize();
    for (long done = 0; done < bytes;) {
      long n = Math.min(bytes - done, CHUNK);
      MemorySegment chunk = from.asSlice(done, n);
      Slot slot = n <= SMALL ? null : slot();
      if (slot == null) {
        direct.write(target + done, chunk);
      } else {
        write(slot, target + done, chunk);
      }
      done += n;
    }
  }

  private void write(Slot slot, long target, MemorySegment chunk) {
    long n = chunk.byteSize();
    slot.landed.await();
    slot.source.slice(0, n).copyFrom(chunk);
    slot.taken.holdBack(copies);
    context.check(JCudaDriver.cuMemcpyHtoDAsync(new Address(slot.landing), slot.source.at(0), n, copies),
        "cuMemcpyHtoDAsync");
    slot.landed.record(copies);
    slot.landed.holdBack(context.stream());
    context.check(
        JCudaDriver.cuMemcpyDtoDAsync(new Address(target), new Address(slot.landing), n, context.stream()),
        "cuMemcpyDtoDAsync");
    slot.taken.record(context.stream());
  }

  /** The next one, new if that is still in use; null when there is no memory for any. */
  private @Nullable Slot slot() {
    next = ring.isEmpty() ? 0 : next % ring.size();
    if (mayGrow && (ring.isEmpty() || !ring.get(next).taken.isDone())) {
      grow();
    }
    return ring.isEmpty() ? null : ring.get(next++);
  }

  private void grow() {
    try {
      ring.add(next, new Slot());
      mayGrow = ring.size() < MOST_SLOTS;
    } catch (CudaException | OutOfDeviceMemoryException e) {
      if (!context.isAlive()) {
        throw e;
      }
      mayGrow = false;
      LOG.warn("uploads to cuda:{} overlap with computing {}: {}", context.ordinal(),
          ring.isEmpty() ? "not at all" : "less than they could", e.getMessage());
    }
  }

  @Override
  public void close() {
    context.check(JCudaDriver.cuStreamSynchronize(copies), "cuStreamSynchronize");
    ring.forEach(Slot::close);
    context.check(JCudaDriver.cuStreamDestroy(copies), "cuStreamDestroy");
  }
}
