package dev.tandem.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.driver.JCudaDriver;

/**
 * Copies from the host in the stream of all work, through the two halves of one page-locked buffer. Only when a half is entered again
 * must its copies be done, so that many small writes, such as a step's learning rate and random counter, wait for nothing.
 */
final class DirectUploads implements AutoCloseable {
  private static final long HALF = 1L << 20;

  private final CudaContext context;
  private final PinnedMemory buffer;
  private final Event[] left;
  private int half;
  private long used;

  DirectUploads(CudaContext context) {
    this.context = context;
    buffer = new PinnedMemory(context, 2 * HALF);
    left = new Event[] {new Event(context), new Event(context)};
  }

  /** The source may be reused on return. */
  void write(long target, MemorySegment from) {
    long bytes = from.byteSize();
    for (long done = 0; done < bytes;) {
      long n = Math.min(bytes - done, HALF);
      if (used + n > HALF) {
        turn();
      }
      long at = half * HALF + used;
      buffer.slice(at, n).copyFrom(from.asSlice(done, n));
      context.check(JCudaDriver.cuMemcpyHtoDAsync(new Address(target + done), buffer.at(at), n, context.stream()),
          "cuMemcpyHtoDAsync");
      used += n;
      done += n;
    }
  }

  /** Leaves this half and enters the other, whose copies must be done. */
  private void turn() {
    left[half].record(context.stream());
    half = 1 - half;
    used = 0;
    left[half].await();
  }

  @Override
  public void close() {
    context.synchronize();
    for (Event e : left) {
      e.close();
    }
    buffer.close();
  }
}
