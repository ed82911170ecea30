package dev.tandem.cuda;

import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.PendingRead;
import dev.tandem.core.shape.DType;
import java.lang.foreign.MemorySegment;
import jcuda.driver.JCudaDriver;

/** Device memory, and where in it values are written and read. */
final class Memory {
  private final CudaContext context;

  Memory(CudaContext context) {
    this.context = context;
  }

  /** Zeros. */
  CudaStorage allocate(DType dtype, long elements) {
    long bytes;
    try {
      bytes = Math.multiplyExact(elements, (long) dtype.bytes());
    } catch (ArithmeticException e) {
      throw new OutOfDeviceMemoryException(elements + " elements of " + dtype + " can not be counted in bytes");
    }
    long address = context.allocate(bytes);
    if (bytes > 0) {
      context.check(JCudaDriver.cuMemsetD8Async(new Address(address), (byte) 0, bytes, context.stream()),
          "cuMemsetD8Async");
    }
    return new CudaStorage(dtype, elements, address, release(context, address));
  }

  /** A method of its own, so that what it returns holds no storage. */
  private static Runnable release(CudaContext context, long address) {
    return () -> context.release(address);
  }

  /** In the order of all work; the source may be reused on return. */
  void write(CudaStorage to, long at, MemorySegment from) {
    long target = place(to, at, from.byteSize());
    if (from.byteSize() <= Uploads.SMALL) {
      context.handle(DirectUploads.class, DirectUploads::new).write(target, from);
    } else {
      context.handle(Uploads.class, Uploads::new).write(target, from);
    }
  }

  /** Returns when all work given before is done and {@code to} is full. */
  void read(CudaStorage from, long at, MemorySegment to) {
    long source = place(from, at, to.byteSize());
    if (to.byteSize() == 0) {
      context.synchronize();
    } else {
      downloads().read(source, to);
    }
    context.raiseIndexErrors();
  }

  /** As {@link dev.tandem.core.backend.Backend#readLater}; what is large is read at once. */
  PendingRead readLater(CudaStorage from, long at, MemorySegment to) {
    long bytes = to.byteSize();
    if (bytes == 0 || bytes > Downloads.MOST_LATER) {
      read(from, at, to);
      return PendingRead.DONE;
    }
    return downloads().later(place(from, at, bytes), to);
  }

  private Downloads downloads() {
    return context.handle(Downloads.class, Downloads::new);
  }

  private static long place(CudaStorage storage, long at, long bytes) {
    int size = storage.dtype().bytes();
    if (at < 0 || at * size + bytes > storage.elements() * size) {
      throw new IllegalArgumentException(bytes + " bytes from element " + at + " on reach beyond " + storage);
    }
    return storage.address() + at * size;
  }
}
