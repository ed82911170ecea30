package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Reduce;

/** Reduce kernels. */
final class ReduceCalls {
  private ReduceCalls() {
  }

  static Runnable prepare(Reduce op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
