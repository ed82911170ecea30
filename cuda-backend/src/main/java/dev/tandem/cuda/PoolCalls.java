package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;

/** Pooling of images. */
final class PoolCalls {
  private PoolCalls() {
  }

  static Runnable prepare(Pool2d op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(Pool2dGrad op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
