package dev.tandem.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Page-locked memory of the host, which the device copies to and from by itself. */
final class PinnedMemory implements AutoCloseable {
  private final CudaContext context;
  private final RawPointer pointer = new RawPointer();
  private final long bytes;

  /** @throws CudaException if the host gives none */
  PinnedMemory(CudaContext context, long bytes) {
    this.context = context;
    this.bytes = bytes;
    int status = JCudaDriver.cuMemAllocHost(pointer, bytes);
    if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
      throw new CudaException(String.format(
          "the host has no %,d bytes of page-locked memory for copies to and from cuda:%d (cuMemAllocHost gave %s); "
              + "free memory of the host, or raise the limit of its container",
          bytes, context.ordinal(), Driver.name(status)));
    }
    context.check(status, "cuMemAllocHost");
  }

  RawPointer at(long offset) {
    return new RawPointer(pointer.value() + offset);
  }

  @SuppressWarnings("restricted")
  MemorySegment slice(long offset, long length) {
    return MemorySegment.ofAddress(pointer.value()).reinterpret(bytes).asSlice(offset, length);
  }

  /** No copy may be under way. */
  @Override
  public void close() {
    context.check(JCudaDriver.cuMemFreeHost(pointer), "cuMemFreeHost");
  }
}
