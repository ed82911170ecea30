package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import java.util.Set;
import java.util.function.Consumer;

/** What the groups of {@link BackendContract} share. */
abstract class Contract {
  static final ReferenceBackend ORACLE = new ReferenceBackend(
      Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class, Recurrent.class, RecurrentGrad.class,
          Normalize.class,
          NormalizeGrad.class));

  /** The backend under test. */
  abstract Backend backend();

  /** Runs {@code body} with random numbers that follow from {@code seed}, and frees what it allocated. */
  final void trial(long seed, Consumer<Trial> body) {
    try (Trial t = new Trial(backend(), ORACLE, seed)) {
      body.accept(t);
    }
  }
}
