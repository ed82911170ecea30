package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** What training makes small. Losses are tensor code: nothing is read on the host inside. */
@FunctionalInterface
public interface Loss {
  /** The loss of a model's {@code output} given the {@code target}: a scalar, F32 [], unless no reduction was asked for. */
  Tensor apply(Tensor output, Tensor target);
}
