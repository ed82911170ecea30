package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;

/** Normalisations through cuDNN. */
final class NormalizeCalls {
  private NormalizeCalls() {
  }

  static boolean supports(Normalize op) {
    return false;
  }

  static boolean supports(NormalizeGrad op) {
    return false;
  }

  static Runnable prepare(Normalize op, Call call, CudaContext context) {
    throw new IllegalArgumentException("cuda claims no " + op.name());
  }

  static Runnable prepare(NormalizeGrad op, Call call, CudaContext context) {
    throw new IllegalArgumentException("cuda claims no " + op.name());
  }
}
