package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.optim.Adadelta;
import dev.tandem.core.optim.Adagrad;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.AdamW;
import dev.tandem.core.optim.Adamax;
import dev.tandem.core.optim.Lamb;
import dev.tandem.core.optim.Lion;
import dev.tandem.core.optim.NAdam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.RAdam;
import dev.tandem.core.optim.RmsProp;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.train.Checkpoint;
import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.Epochs;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole trainings on the CPU, held against the oracle and against themselves. */
class TrainingTest {
  private static final int STEPS = 10;

  static Stream<Supplier<Optimizer>> optimizers() {
    return Stream.of(() -> new Sgd(0.02), () -> new Sgd(0.02, 0.9, 1e-3, true), () -> new Adam(0.02),
        () -> new AdamW(0.02, 0.01),
        () -> new Adagrad(0.02), () -> new RmsProp(0.02), () -> new Adadelta(), () -> new Adamax(0.02),
        () -> new NAdam(0.02),
        () -> new RAdam(0.02), () -> new Lion(0.02), () -> new Lamb(0.02));
  }

  private static List<Float> cpu(int threads, Optimizer optimizer, boolean capture) {
    return SmallNetwork.run(new Device(new CpuBackend(threads)), optimizer, capture, STEPS);
  }

  /** Losses for every optimizer; parameters with SGD only, since Adam makes full steps of rounding noise where a gradient is 0. */
  @ParameterizedTest
  @MethodSource("optimizers")
  void tenStepsAgreeWithTheOracle(Supplier<Optimizer> optimizer) {
    List<Float> oracle = SmallNetwork.run(new Device(new ReferenceBackend()), optimizer.get(), true, STEPS);
    List<Float> cpu = cpu(2, optimizer.get(), true);
    int compared = optimizer.get() instanceof Sgd ? cpu.size() : STEPS;
    for (int i = 0; i < compared; i++) {
      assertThat(cpu.get(i)).as("value %d", i).isCloseTo(oracle.get(i), within(1e-5f * (1 + Math.abs(oracle.get(i)))));
    }
  }

  @ParameterizedTest
  @EnumSource
  void tenStepsOfEveryKindOfNetworkAgreeWithTheOracle(SmallNetwork.Kind kind) {
    List<Float> oracle = SmallNetwork.run(kind, new Device(new ReferenceBackend()), new Sgd(0.02, 0.9), true, STEPS);
    List<Float> cpu = SmallNetwork.run(kind, new Device(new CpuBackend(2)), new Sgd(0.02, 0.9), true, STEPS);
    for (int i = 0; i < cpu.size(); i++) {
      assertThat(cpu.get(i)).as("value %d", i).isCloseTo(oracle.get(i), within(2e-5f * (1 + Math.abs(oracle.get(i)))));
    }
  }

  @ParameterizedTest
  @EnumSource
  void threadsAndReplayChangeNoBitOfAnyKindOfNetwork(SmallNetwork.Kind kind) {
    List<Float> expected = SmallNetwork.run(kind, new Device(new CpuBackend(1)), new Adam(0.02), false, STEPS);
    assertThat(SmallNetwork.run(kind, new Device(new CpuBackend(1)), new Adam(0.02), true, STEPS)).isEqualTo(expected);
    assertThat(SmallNetwork.run(kind, new Device(new CpuBackend(3)), new Adam(0.02), true, STEPS)).isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void threadsAndReplayChangeNoBit(Supplier<Optimizer> optimizer) {
    List<Float> expected = cpu(1, optimizer.get(), false);
    assertThat(cpu(1, optimizer.get(), true)).isEqualTo(expected);
    assertThat(cpu(3, optimizer.get(), true)).isEqualTo(expected);
  }

  @Test
  void aResumedTrainingGivesTheBitsOfAnUninterruptedOne(@TempDir Path folder) throws IOException {
    Batch all = SmallNetwork.batch(100, 1);
    DataLoader train = new ArrayDataset(all.get(0), all.get(1)).batches(16).shuffled().seed(7);
    List<Double> expected = losses(trainer(), train, 5);
    Trainer first = trainer();
    List<Double> got = new ArrayList<>(losses(first, train, 2));
    Checkpoint.save(folder, first);
    Trainer second = trainer();
    Checkpoint.load(folder, second);
    got.addAll(losses(second, train, 5));
    assertThat(got).isEqualTo(expected);
  }

  private static Trainer trainer() {
    return Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02)).on(new Device(new CpuBackend(2)),
        42);
  }

  private static List<Double> losses(Trainer trainer, DataLoader train, int epochs) {
    return trainer.fit(train, Epochs.epochs(epochs)).epochs().stream().map(EpochResult::trainLoss).toList();
  }
}
