package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;

/** Convolutions through cuDNN. */
final class ConvolutionCalls {
  private ConvolutionCalls() {
  }

  static Runnable prepare(Conv2d op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(Conv2dGradInput op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }

  static Runnable prepare(Conv2dGradWeight op, Call call, CudaContext context) {
    throw new CudaException("cuda has no " + op.name() + " yet");
  }
}
