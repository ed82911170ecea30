package dev.tandem.cuda;

import jcuda.driver.CUevent;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** A point in the work of a stream, for others to wait for. Before it is recorded there is nothing to wait for. */
final class Event implements AutoCloseable {
  private static final int DISABLE_TIMING = 2;

  private final CudaContext context;
  private final CUevent event = new CUevent();

  Event(CudaContext context) {
    this.context = context;
    context.check(JCudaDriver.cuEventCreate(event, DISABLE_TIMING), "cuEventCreate");
  }

  /** The point is now where {@code stream} will have done all it was given. */
  void record(CUstream stream) {
    context.check(JCudaDriver.cuEventRecord(event, stream), "cuEventRecord");
  }

  /** Work that {@code stream} is given from now on waits for the point; this thread does not. */
  void holdBack(CUstream stream) {
    context.check(JCudaDriver.cuStreamWaitEvent(stream, event, 0), "cuStreamWaitEvent");
  }

  boolean isDone() {
    int status = JCudaDriver.cuEventQuery(event);
    if (status == CUresult.CUDA_ERROR_NOT_READY) {
      return false;
    }
    context.check(status, "cuEventQuery");
    return true;
  }

  /** This thread waits for the point. */
  void await() {
    if (!isDone()) {
      context.check(JCudaDriver.cuEventSynchronize(event), "cuEventSynchronize");
    }
  }

  @Override
  public void close() {
    context.check(JCudaDriver.cuEventDestroy(event), "cuEventDestroy");
  }
}
