package dev.tandem.core.train;

import static dev.tandem.core.train.Epochs.epochs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.io.Safetensors;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.ReduceOnPlateau;
import dev.tandem.core.optim.Schedule;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
  @TempDir Path folder;

  private static DataLoader data(int samples, long seed) {
    Batch all = SmallNetwork.batch(samples, seed);
    return new ArrayDataset(all.get(0), all.get(1)).batches(16);
  }

  private static Trainer trainer(Optimizer optimizer) {
    return Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), optimizer).metric(Metrics.accuracy())
        .on(new Device(new ReferenceBackend()), 42);
  }

  @Test
  void learns() {
    List<String> events = new ArrayList<>();
    Trainer trainer = trainer(new Adam(0.02)).listener(new TrainingListener() {
      @Override
      public void epochStarted(int epoch, int epochs, long steps, long samples) {
        events.add("epoch " + epoch + "/" + epochs + " of " + steps + " steps, " + samples + " samples");
      }

      @Override
      public void epochEnded(EpochResult result) {
        events.add("ended " + result.epoch());
      }
    });
    History history = trainer.fit(data(200, 1).shuffled().seed(7), data(50, 2), epochs(8));
    assertThat(history.epochs()).hasSize(8);
    assertThat(history.last().trainLoss()).isLessThan(0.8 * history.epochs().get(0).trainLoss());
    assertThat(history.last().validationMetrics().get("accuracy")).isGreaterThan(0.5);
    assertThat(history.last().validationLoss()).isNotNull();
    assertThat(trainer.state()).startsWith("replaying");
    assertThat(events).startsWith("epoch 1/8 of 13 steps, 200 samples", "ended 1").hasSize(16);
  }

  @Test
  void stepsEndAnEpochEarly() {
    Trainer trainer = trainer(new Sgd(0.1));
    trainer.fit(data(200, 1), epochs(2).steps(3));
    assertThat(trainer.stepsDone()).isEqualTo(6);
    assertThat(trainer.epochsDone()).isEqualTo(2);
  }

  @Test
  void accuracyCountsTheLargestLogits() {
    Device device = new Device(new ReferenceBackend());
    assertThat(Metrics.accuracy().total(dev.tandem.core.tensor.Tensor.of(device, new float[] {1, 2, 5, 3, 0, 9}, 3, 2),
        dev.tandem.core.tensor.Tensor.of(device, new int[] {1, 1, 1}, 3)).item()).isEqualTo(2);
  }

  @Test
  void aResumedTrainingGoesOnAsAnUninterruptedOne() throws IOException {
    DataLoader train = data(100, 1).shuffled().seed(7);
    Trainer whole = trainer(new Adam(0.02));
    List<EpochResult> expected = whole.fit(train, epochs(5)).epochs();

    Trainer first = trainer(new Adam(0.02));
    first.fit(train, epochs(2));
    Checkpoint.save(folder, first);
    Trainer second = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02))
        .on(new Device(new ReferenceBackend()), 42);
    Trainer otherSeed = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02))
        .on(new Device(new ReferenceBackend()), 43);
    assertThatThrownBy(() -> Checkpoint.load(folder, otherSeed))
        .hasMessageContaining(" has seed 42, not 43; go on with the same seed");
    Checkpoint.load(folder, second);
    List<EpochResult> resumed = second.fit(train, epochs(5)).epochs();

    assertThat(resumed.stream().map(EpochResult::epoch)).containsExactly(3, 4, 5);
    // The oracle's F32 memory holds doubles, which the checkpoint rounds; a backend with true fp32 must agree to the bit.
    for (int i = 0; i < 3; i++) {
      assertThat(resumed.get(i).trainLoss()).isCloseTo(expected.get(2 + i).trainLoss(), within(1e-6));
    }
  }

  @Test
  void aCheckpointOfAnotherModelChangesNothing() throws IOException {
    Trainer trainer = trainer(new Adam(0.02));
    Checkpoint.save(folder, trainer);
    Module other = new Sequential(new Linear(7, 5));
    Trainer wrong = Trainer.of(other, Losses.crossEntropy(), new Adam(0.02)).on(new Device(new ReferenceBackend()), 42);
    float[] before = other.state().get("0.weight").tensor().toArray();
    assertThatThrownBy(() -> Checkpoint.load(folder, wrong)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the state of Adam does not fit: exp_avg.0.weight is F32[13, 7] instead of F32[5, 7]");
    assertThat(other.state().get("0.weight").tensor().toArray()).containsExactly(before);
    assertThat(wrong.epochsDone()).isZero();
  }

  @Test
  void aScheduleIsToldTheLossAndItsMemoryIsSaved() throws IOException {
    // No loss is lower than the one before by 1000 times it: the rate is halved after every second epoch.
    Trainer first = trainer(new Adam(0.02)).schedule(new ReduceOnPlateau(0.5, 1, 1000, 0, 0));
    first.fit(data(100, 1), data(50, 2), epochs(4));
    assertThat(first.optimizer().schedule().factor(0)).isEqualTo(0.5);
    Checkpoint.save(folder, first);
    first.fit(data(100, 1), epochs(5));
    assertThat(first.optimizer().schedule().factor(0)).isEqualTo(0.25);
    assertThat(first.optimizer().currentLearningRate()).isEqualTo(0.01);
    assertThat(first.state()).startsWith("replaying");

    Trainer second = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02))
        .schedule(new ReduceOnPlateau(0.5, 1, 1000, 0, 0)).on(new Device(new ReferenceBackend()), 42);
    Checkpoint.load(folder, second);
    assertThat(second.optimizer().schedule().factor(0)).isEqualTo(0.5);
    second.fit(data(100, 1), epochs(5));
    assertThat(second.optimizer().schedule().factor(0)).isEqualTo(0.25);
  }

  @Test
  void aScheduleOfStepsGoesOnInAResumedTraining() throws IOException {
    Schedule schedule = Schedules.exponential(0.5).every(7);
    Trainer first = trainer(new Sgd(0.1)).schedule(schedule);
    first.fit(data(100, 1), epochs(2));
    Checkpoint.save(folder, first);
    Trainer second = trainer(new Sgd(0.1)).schedule(schedule);
    Checkpoint.load(folder, second);
    second.fit(data(100, 1), epochs(3));
    assertThat(second.optimizer().currentLearningRate()).isEqualTo(0.1 * 0.25);
  }

  @Test
  void aScheduleWhoseModelDoesNotFitRemembersWhatItDid() throws IOException {
    Trainer saved = trainer(new Sgd(0.1)).schedule(new ReduceOnPlateau(0.5, 0));
    saved.optimizer().schedule().observe(1);
    Checkpoint.save(folder, saved);
    Schedule schedule = new ReduceOnPlateau(0.5, 0);
    Trainer wrong = Trainer.of(new Sequential(new Linear(7, 5)), Losses.crossEntropy(), new Sgd(0.1)).schedule(schedule)
        .on(new Device(new ReferenceBackend()), 42);
    assertThatThrownBy(() -> Checkpoint.load(folder, wrong)).hasMessageContaining("do not fit");
    assertThat(schedule.state()).containsEntry("best", "Infinity");
  }

  @Test
  void gradientsAreClippedBeforeTheUpdate() {
    // Plain descent by gradients of a norm of at most 1e-3: no parameter moves further than that in a step.
    Trainer trainer = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Sgd(1)).clipValue(0.5).clipNorm(1e-3)
        .on(new Device(new ReferenceBackend()), 42);
    float[] before = trainer.model().state().get("0.weight").tensor().toArray();
    trainer.fit(data(160, 1), epochs(1));
    float[] after = trainer.model().state().get("0.weight").tensor().toArray();
    double moved = 0;
    for (int i = 0; i < after.length; i++) {
      moved += Math.pow(after[i] - before[i], 2);
    }
    assertThat(Math.sqrt(moved)).isBetween(1e-3, 10 * 1e-3);
    assertThat(trainer.state()).startsWith("replaying");
    assertThatThrownBy(() -> trainer.clipNorm(1)).hasMessageContaining("before on(device, seed)");
  }

  @Test
  void aFileThatIsNoCheckpointIsRefused() throws IOException {
    Safetensors.write(folder.resolve(Checkpoint.FILE), Map.of("x", HostArray.of(new float[1], 1)), Map.of());
    assertThatThrownBy(() -> Checkpoint.load(folder, trainer(new Adam(0.02)))).isInstanceOf(FileFormatException.class)
        .hasMessageContaining("is no checkpoint of a training");
    Files.writeString(folder.resolve(Checkpoint.FILE), "nonsense");
    assertThatThrownBy(() -> Checkpoint.load(folder, trainer(new Adam(0.02)))).isInstanceOf(FileFormatException.class);
  }

  @Test
  void aDivergingTrainingStopsAndSaysWhere() {
    Trainer trainer = trainer(new Sgd(1e30));
    assertThatThrownBy(() -> trainer.fit(data(100, 1), epochs(3))).isInstanceOf(TrainingDivergedException.class)
        .hasMessageMatching(
            "the loss became (NaN|Infinity) in epoch 1, step \\d+; lower the learning rate \\(now 1.0E30\\), .*");
  }

  @Test
  void anInterruptEndsTheTraining() {
    Trainer trainer = trainer(new Sgd(0.1)).listener(new TrainingListener() {
      @Override
      public void stepEnded(int epoch, long step, float loss, long samples) {
        if (step == 3) {
          Thread.currentThread().interrupt();
        }
      }
    });
    try {
      assertThatThrownBy(() -> trainer.fit(data(100, 1).prefetch(0), epochs(3)))
          .isInstanceOf(CancellationException.class)
          .hasMessage("training was interrupted in epoch 1 after 3 steps");
    } finally {
      Thread.interrupted();
    }
  }

  @Test
  void aTrainerWithoutADeviceSaysSo() {
    Trainer trainer = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Adam(0.02));
    assertThatThrownBy(() -> trainer.fit(data(16, 1), epochs(1)))
        .hasMessage("the trainer has no device yet; call on(device, seed)");
    assertThatThrownBy(() -> epochs(0)).hasMessageContaining("at least 1");
  }
}
