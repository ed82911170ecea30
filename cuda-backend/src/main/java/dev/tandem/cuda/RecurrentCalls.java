package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;

/** Recurrent networks through cuDNN. */
final class RecurrentCalls {
  private RecurrentCalls() {
  }

  static boolean supports(Recurrent op) {
    return false;
  }

  static boolean supports(RecurrentGrad op) {
    return false;
  }

  static Runnable prepare(Recurrent op, Call call, CudaContext context) {
    throw new IllegalArgumentException("cuda claims no " + op.name());
  }

  static Runnable prepare(RecurrentGrad op, Call call, CudaContext context) {
    throw new IllegalArgumentException("cuda claims no " + op.name());
  }
}
