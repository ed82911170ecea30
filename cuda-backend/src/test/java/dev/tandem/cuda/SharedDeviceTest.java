package dev.tandem.cuda;

import static dev.tandem.core.train.Epochs.epochs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.testing.SmallNetwork.Kind;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.Trainer;
import dev.tandem.core.train.TrainingListener;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Several trainings on one device, and several devices in one program. */
class SharedDeviceTest {
  /** Every loss, then loss and accuracy of each epoch, then how steps run. */
  private static List<String> train(Device device, Kind kind, long seed) {
    List<String> told = new ArrayList<>();
    Trainer trainer = Trainer.of(kind.model(), Losses.crossEntropy(), new Adam(0.01)).metric(Metrics.accuracy())
        .clipNorm(1).on(device, seed).listener(new TrainingListener() {
          @Override
          public void stepEnded(int epoch, long step, float loss, long samples) {
            told.add(epoch + "/" + step + " " + loss);
          }
        });
    Batch all = kind.batch(101, seed);
    ArrayDataset data = new ArrayDataset(all.get(0), all.get(1));
    trainer.fit(data.batches(8).shuffled(), data.batches(20), epochs(3)).epochs()
        .forEach(e -> told.add(e.trainLoss() + " " + e.validationLoss() + " " + e.validationMetrics()));
    told.add(trainer.state());
    return told;
  }

  @Test
  void trainingsThatTakeTurnsOnADeviceDoNotDisturbEachOther() throws Exception {
    Device device = new Device(Cuda.backend());
    List<Kind> kinds = List.of(Kind.MLP, Kind.CNN, Kind.MLP, Kind.LSTM);
    List<List<String>> alone = new ArrayList<>();
    for (int i = 0; i < kinds.size(); i++) {
      alone.add(train(device, kinds.get(i), i));
    }
    List<Future<List<String>>> together = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(kinds.size())) {
      for (int i = 0; i < kinds.size(); i++) {
        Kind kind = kinds.get(i);
        long seed = i;
        together.add(threads.submit(() -> train(device, kind, seed)));
      }
    }
    for (int i = 0; i < kinds.size(); i++) {
      assertThat(together.get(i).get()).as("%s, seed %d", kinds.get(i), i).isEqualTo(alone.get(i));
      assertThat(alone.get(i).getLast()).startsWith("replaying");
    }
  }

  @Test
  void tensorsOfTwoDevicesAreNotMixed() {
    Device cuda = new Device(Cuda.backend());
    Device other = new Device(new ReferenceBackend());
    Tensor here = Tensor.ones(cuda, 2);
    Tensor there = Tensor.ones(other, 2);
    assertThatThrownBy(() -> here.add(there)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("operands lie on cuda:0 and on reference; move one with to(device)");
    assertThatThrownBy(() -> there.assign(here)).hasMessageContaining("move one with to(device)");
    assertThatThrownBy(() -> SmallNetwork.model().on(cuda, 1).apply(Tensor.ones(other, 3, SmallNetwork.FEATURES)))
        .hasMessageContaining("move one with to(device)");
    assertThat(here.add(there.to(cuda)).toArray()).containsExactly(2, 2);
  }
}
