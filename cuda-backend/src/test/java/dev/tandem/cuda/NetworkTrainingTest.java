package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kind of network trained through cuBLAS, cuDNN and our own kernels together. */
class NetworkTrainingTest {
  private static final int STEPS = 10;

  /** Errors of an ulp (6e-8) grow from step to step, as on the CPU; a wrong gradient shows in the second loss already. */
  @ParameterizedTest
  @EnumSource
  void tenStepsAgreeWithTheOracle(SmallNetwork.Kind kind) {
    List<Float> cuda = SmallNetwork.run(kind, new Device(Cuda.backend()), new Sgd(0.02, 0.9), true, STEPS);
    List<Float> oracle = SmallNetwork.run(kind, new Device(new ReferenceBackend()), new Sgd(0.02, 0.9), true, STEPS);
    for (int i = 0; i < cuda.size(); i++) {
      assertThat(cuda.get(i)).as("value %d", i).isCloseTo(oracle.get(i), within(2e-5f * (1 + Math.abs(oracle.get(i)))));
    }
  }

  @ParameterizedTest
  @EnumSource
  void replayChangesNoBit(SmallNetwork.Kind kind) {
    assertThat(SmallNetwork.run(kind, new Device(Cuda.backend()), new Adam(0.02), true, STEPS))
        .isEqualTo(SmallNetwork.run(kind, new Device(Cuda.backend()), new Adam(0.02), false, STEPS));
  }
}
