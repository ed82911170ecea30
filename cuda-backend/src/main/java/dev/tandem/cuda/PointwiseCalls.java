package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Pointwise;

/** Pointwise kernels. */
final class PointwiseCalls {
  private PointwiseCalls() {
  }

  static Runnable prepare(Pointwise op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
