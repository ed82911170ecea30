package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole trainings on the device, held against the oracle and against themselves. */
class TrainingTest {
  private static final int STEPS = 10;

  static Stream<Supplier<Optimizer>> optimizers() {
    return Stream.of(() -> new Sgd(0.02, 0.9, 1e-3, true), () -> new Adam(0.02));
  }

  private static List<Float> cuda(Optimizer optimizer, boolean capture) {
    return SmallNetwork.run(new Device(Cuda.backend()), optimizer, capture, STEPS);
  }

  /** Losses for every optimizer; parameters with SGD only, since Adam makes full steps of rounding noise where a gradient is 0. */
  @ParameterizedTest
  @MethodSource("optimizers")
  void tenStepsAgreeWithTheOracle(Supplier<Optimizer> optimizer) {
    List<Float> cuda = cuda(optimizer.get(), true);
    List<Float> oracle = SmallNetwork.run(new Device(new ReferenceBackend()), optimizer.get(), true, STEPS);
    int compared = optimizer.get() instanceof Sgd ? cuda.size() : STEPS;
    for (int i = 0; i < compared; i++) {
      assertThat(cuda.get(i)).as("value %d", i).isCloseTo(oracle.get(i), within(1e-5f * (1 + Math.abs(oracle.get(i)))));
    }
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void replayChangesNoBit(Supplier<Optimizer> optimizer) {
    assertThat(cuda(optimizer.get(), true)).isEqualTo(cuda(optimizer.get(), false));
  }
}
