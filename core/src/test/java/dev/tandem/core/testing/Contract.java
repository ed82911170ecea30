package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;

/** What the groups of {@link BackendContract} share. */
abstract class Contract {
  static final ReferenceBackend ORACLE = new ReferenceBackend(
      Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class, Recurrent.class, RecurrentGrad.class,
          Normalize.class,
          NormalizeGrad.class));

  /** The backend under test. */
  abstract Backend backend();

  /** Skips the test where products are not computed so. */
  final void assumeSupported(Precision precision) {
    Assumptions.assumeTrue(backend().supports(precision), () -> backend().name() + " does not compute in " + precision);
  }

  /** Runs {@code body} with random numbers that follow from {@code seed}, and frees what it allocated. */
  final void trial(long seed, Consumer<Trial> body) {
    try (Trial t = new Trial(backend(), ORACLE, seed)) {
      body.accept(t);
    }
  }
}
