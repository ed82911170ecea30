package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;

/** CrossEntropy kernels. */
final class CrossEntropyCalls {
  private CrossEntropyCalls() {
  }

  static Runnable prepare(SoftmaxCrossEntropy op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(SoftmaxCrossEntropyGrad op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
