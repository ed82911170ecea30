package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.MatMul;

/** Matrix products through cuBLAS. */
final class MatMulCalls {
  private MatMulCalls() {
  }

  static Runnable prepare(MatMul op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
