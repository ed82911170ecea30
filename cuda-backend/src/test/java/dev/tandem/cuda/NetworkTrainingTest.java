package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.util.List;
import java.util.Set;
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

  private static List<Float> run(SmallNetwork.Kind kind, Device device, Precision precision) {
    return SmallNetwork.run(kind, device, new Sgd(0.02, 0.9), true, STEPS, precision);
  }

  private static void near(List<Float> got, List<Float> wanted, double unit) {
    for (int i = 0; i < got.size(); i++) {
      float tolerance = (float) unit * (1 + Math.abs(wanted.get(i)));
      assertThat(got.get(i)).as("value %d", i).isCloseTo(wanted.get(i), within(tolerance));
    }
  }

  /**
   * What is rounded to BF16 is rounded alike on both, but where sums in fp32 and in double fall on two sides of a middle. Few do, and
   * each moves one of some hundred activations by 2^-8 of itself: a quarter of what BF16 may be away from fp32, which is 2^-7.
   */
  @ParameterizedTest
  @EnumSource
  void tenStepsInBf16AgreeWithTheOracleAndStayNearFp32(SmallNetwork.Kind kind) {
    List<Float> cuda = run(kind, new Device(Cuda.backend()), Precision.BF16);
    ReferenceBackend oracle = new ReferenceBackend(
        Set.of(Recurrent.class, RecurrentGrad.class, Normalize.class, NormalizeGrad.class));
    near(cuda, run(kind, new Device(oracle), Precision.BF16), 0x1p-9);
    near(cuda, run(kind, new Device(oracle), Precision.FP32), 0x1p-7);
  }

  /** TF32 rounds operands by 2^-11, an eighth of BF16's 2^-8, and nothing else: an eighth of its band. */
  @ParameterizedTest
  @EnumSource
  void tenStepsInTf32StayNearFp32(SmallNetwork.Kind kind) {
    List<Float> cuda = run(kind, new Device(Cuda.backend()), Precision.TF32);
    List<Float> fp32 = run(kind, new Device(Cuda.backend()), Precision.FP32);
    near(cuda, fp32, 0x1p-10);
    if (Cuda.isEmulated()) {
      assertThat(cuda).as("operands are rounded").isNotEqualTo(fp32);
    }
  }

  @ParameterizedTest
  @EnumSource
  void replayInBf16ChangesNoBit(SmallNetwork.Kind kind) {
    Device device = new Device(Cuda.backend());
    assertThat(SmallNetwork.run(kind, device, new Adam(0.02), true, STEPS, Precision.BF16))
        .isEqualTo(SmallNetwork.run(kind, device, new Adam(0.02), false, STEPS, Precision.BF16));
  }

  @ParameterizedTest
  @EnumSource
  void replayChangesNoBit(SmallNetwork.Kind kind) {
    assertThat(SmallNetwork.run(kind, new Device(Cuda.backend()), new Adam(0.02), true, STEPS))
        .isEqualTo(SmallNetwork.run(kind, new Device(Cuda.backend()), new Adam(0.02), false, STEPS));
  }
}
