package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import java.util.Set;

/** The contract of recurrent sequences can be kept: the oracle keeps it. */
class RecurrentContractTest extends RecurrentContract {
  private static final Backend CLAIMING = new ReferenceBackend(Set.of(Recurrent.class, RecurrentGrad.class));

  @Override
  Backend backend() {
    return CLAIMING;
  }
}
