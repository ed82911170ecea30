package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.CumulativeSum;

/** Row kernels. */
final class RowCalls {
  private RowCalls() {
  }

  static Runnable prepare(Gather op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(ScatterAdd op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(CumulativeSum op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
