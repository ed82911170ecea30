package dev.tandem.cuda;

import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.shape.DType;
import java.lang.foreign.MemorySegment;
import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/**
 * Device memory, and copies between it and the host through page-locked buffers. What is written is packed into the two halves of
 * one buffer; only when a half is entered again must its copies be done, so that many small writes wait for nothing.
 */
final class Memory implements AutoCloseable {
  private static final long HALF = 4L << 20;

  private final CudaContext context;
  private final CUevent[] left = {new CUevent(), new CUevent()};
  private RawPointer staging = new RawPointer();
  private RawPointer landing = new RawPointer();
  private boolean open;
  private int half;
  private long used;

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

  void write(CudaStorage to, long at, MemorySegment from) {
    long bytes = from.byteSize();
    long target = place(to, at, bytes);
    openBuffers();
    for (long done = 0; done < bytes;) {
      long n = Math.min(bytes - done, HALF);
      if (used + n > HALF) {
        turn();
      }
      long source = staging.value() + half * HALF + used;
      memory(source, n).copyFrom(from.asSlice(done, n));
      context.check(
          JCudaDriver.cuMemcpyHtoDAsync(new Address(target + done), new RawPointer(source), n, context.stream()),
          "cuMemcpyHtoDAsync");
      used += n;
      done += n;
    }
  }

  /** Leaves this half and enters the other, whose copies must be done. */
  private void turn() {
    context.check(JCudaDriver.cuEventRecord(left[half], context.stream()), "cuEventRecord");
    half = 1 - half;
    used = 0;
    context.check(JCudaDriver.cuEventSynchronize(left[half]), "cuEventSynchronize");
  }

  void read(CudaStorage from, long at, MemorySegment to) {
    long bytes = to.byteSize();
    long source = place(from, at, bytes);
    if (bytes == 0) {
      context.synchronize();
    }
    openBuffers();
    for (long done = 0; done < bytes;) {
      long n = Math.min(bytes - done, HALF);
      context.check(
          JCudaDriver.cuMemcpyDtoHAsync(new RawPointer(landing.value()), new Address(source + done), n,
              context.stream()),
          "cuMemcpyDtoHAsync");
      context.synchronize();
      to.asSlice(done, n).copyFrom(memory(landing.value(), n));
      done += n;
    }
  }

  @SuppressWarnings("restricted")
  private static MemorySegment memory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  private static long place(CudaStorage storage, long at, long bytes) {
    int size = storage.dtype().bytes();
    if (at < 0 || at * size + bytes > storage.elements() * size) {
      throw new IllegalArgumentException(bytes + " bytes from element " + at + " on reach beyond " + storage);
    }
    return storage.address() + at * size;
  }

  private void openBuffers() {
    if (!open) {
      context.check(JCudaDriver.cuMemAllocHost(staging, 2 * HALF), "cuMemAllocHost");
      context.check(JCudaDriver.cuMemAllocHost(landing, HALF), "cuMemAllocHost");
      for (CUevent e : left) {
        context.check(JCudaDriver.cuEventCreate(e, 2), "cuEventCreate");
      }
      open = true;
    }
  }

  @Override
  public void close() {
    if (open && context.isAlive()) {
      context.enter();
      context.synchronize();
      for (CUevent e : left) {
        context.check(JCudaDriver.cuEventDestroy(e), "cuEventDestroy");
      }
      context.check(JCudaDriver.cuMemFreeHost(staging), "cuMemFreeHost");
      context.check(JCudaDriver.cuMemFreeHost(landing), "cuMemFreeHost");
      open = false;
    }
  }
}
