package dev.tandem.core.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.ShapeOnly;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Trainings in other precisions than fp32, on the oracle. */
class PrecisionTest {
  private static final int STEPS = 10;

  private static Device decomposing() {
    return new Device(new ReferenceBackend());
  }

  private static Device claiming() {
    return new Device(new ReferenceBackend(
        Set.of(Recurrent.class, RecurrentGrad.class, Normalize.class, NormalizeGrad.class)));
  }

  /**
   * A loss is a mean of 16 rows, each of which went through a few roundings of 2^-9: 2^-9 in all, and that of the steps before
   * in the parameters, which ten steps of 0.02 with a momentum of 0.9 move by less than 1 in all: four times that.
   */
  @ParameterizedTest
  @EnumSource
  void tenStepsInBf16StayNearFp32(SmallNetwork.Kind kind) {
    List<Float> exact = SmallNetwork.run(kind, decomposing(), new Sgd(0.02, 0.9), true, STEPS);
    for (Device device : List.of(decomposing(), claiming())) {
      List<Float> rounded = SmallNetwork.run(kind, device, new Sgd(0.02, 0.9), true, STEPS, Precision.BF16);
      assertThat(rounded.subList(0, STEPS)).isNotEqualTo(exact.subList(0, STEPS));
      for (int i = 0; i < exact.size(); i++) {
        assertThat(rounded.get(i)).as("value %d", i)
            .isCloseTo(exact.get(i), within(0x1p-7f * (1 + Math.abs(exact.get(i)))));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void replayChangesNoBit(SmallNetwork.Kind kind) {
    assertThat(SmallNetwork.run(kind, decomposing(), new Adam(0.02), true, STEPS, Precision.BF16))
        .isEqualTo(SmallNetwork.run(kind, decomposing(), new Adam(0.02), false, STEPS, Precision.BF16));
  }

  /** The oracle takes TF32 for exact, so that what is computed of TF32 operations is what is computed of others. */
  @Test
  void tf32IsTheSameStepOfOtherOperations() {
    assertThat(SmallNetwork.run(SmallNetwork.Kind.LSTM, claiming(), new Sgd(0.02), true, STEPS, Precision.TF32))
        .isEqualTo(SmallNetwork.run(SmallNetwork.Kind.LSTM, claiming(), new Sgd(0.02), true, STEPS));
  }

  @Test
  void everyPrecisionHasItsOwnPlan() {
    Device device = decomposing();
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.02).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, SmallNetwork.training(model, optimizer));
    for (Precision precision : Precision.values()) {
      step.precision(precision);
      step.run(SmallNetwork.batch(16, 1));
      assertThat(step.state()).as("%s", precision).startsWith("eager: ");
      for (int i = 0; i < 3; i++) {
        step.run(SmallNetwork.batch(16, i));
      }
      assertThat(step.state()).as("%s", precision).startsWith("replaying");
    }
    step.precision(Precision.FP32).run(SmallNetwork.batch(16, 1));
    assertThat(step.state()).startsWith("replaying");
  }

  private static Trainer trainer(Precision precision) {
    return Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02)).precision(precision)
        .on(decomposing(), 42);
  }

  private static DataLoader data() {
    Batch all = SmallNetwork.batch(64, 1);
    return new ArrayDataset(all.get(0), all.get(1)).batches(16);
  }

  @Test
  void aTrainerTrainsAndEvaluatesInItsPrecision() {
    Trainer trainer = trainer(Precision.BF16);
    double untrained = trainer.evaluate(data()).loss();
    assertThat(untrained).isNotEqualTo(trainer(Precision.FP32).evaluate(data()).loss())
        .isCloseTo(trainer(Precision.FP32).evaluate(data()).loss(), within(0x1p-7));
    trainer.fit(data(), Epochs.epochs(5));
    assertThat(trainer.evaluate(data()).loss()).isLessThan(untrained - 0.1);
    trainer.precision(Precision.FP32);
    assertThat(trainer.precision()).isEqualTo(Precision.FP32);
    trainer.fit(data(), Epochs.epochs(6));
  }

  /** What is learnt is F32 in every precision, and so is what is saved. */
  @Test
  void aTrainingGoesOnInAnotherPrecision(@TempDir Path folder) throws IOException {
    Trainer first = trainer(Precision.BF16);
    first.fit(data(), Epochs.epochs(2));
    Checkpoint.save(folder, first);
    Trainer second = trainer(Precision.FP32);
    Checkpoint.load(folder, second);
    assertThat(second.evaluate(data()).loss()).isCloseTo(first.evaluate(data()).loss(), within(0x1p-7));
    first.model().state().forEach((name, p) -> {
      assertThat(p.tensor().dtype()).isEqualTo(DType.F32);
      assertThat(second.model().state().get(name).tensor().toArray()).isEqualTo(p.tensor().toArray());
    });
  }

  @Test
  void aDeviceThatComputesOtherwiseRefuses() {
    Device device = new ShapeOnly().device();
    Trainer trainer = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02)).precision(Precision.BF16);
    assertThatThrownBy(() -> trainer.on(device, 1)).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shapes computes in fp32, not in bf16; choose that, or another device");
    Module model = SmallNetwork.model().on(device, 1);
    TrainStep step = TrainStep.of(new Sgd(0.1).on(model), 1, in -> in.get(0));
    assertThatThrownBy(() -> step.precision(Precision.TF32)).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shapes computes in fp32, not in tf32; choose that, or another device");
  }
}
