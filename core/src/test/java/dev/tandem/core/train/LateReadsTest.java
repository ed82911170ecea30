package dev.tandem.core.train;

import static dev.tandem.core.train.Epochs.epochs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.PendingRead;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.HostCopy;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** Training on a device that hands out values late, as one that computes by itself does. */
class LateReadsTest {
  /** The oracle, whose reads for later are done when they are awaited or were asked after often enough. */
  private static final class Late implements Backend {
    private final ReferenceBackend oracle = new ReferenceBackend();
    private final int patience;
    int inFlight;
    int mostInFlight;
    int readsAtOnce;

    Late(int patience) {
      this.patience = patience;
    }

    @Override
    public PendingRead readLater(Storage from, long at, MemorySegment to) {
      MemorySegment then = Arena.ofAuto().allocate(to.byteSize());
      oracle.read(from, at, then);
      inFlight++;
      mostInFlight = Math.max(mostInFlight, inFlight);
      return new PendingRead() {
        private int asked;
        private boolean arrived;

        @Override
        public boolean isDone() {
          return arrived || ++asked > patience;
        }

        @Override
        public void await() {
          if (!arrived) {
            arrived = true;
            inFlight--;
            to.copyFrom(then);
          }
        }
      };
    }

    @Override
    public void read(Storage from, long at, MemorySegment to) {
      readsAtOnce++;
      oracle.read(from, at, to);
    }

    @Override
    public String name() {
      return "late";
    }

    @Override
    public String describe() {
      return "the oracle, late";
    }

    @Override
    public Storage allocate(DType dtype, long elements) {
      return oracle.allocate(dtype, elements);
    }

    @Override
    public void write(Storage to, long at, MemorySegment from) {
      oracle.write(to, at, from);
    }

    @Override
    public void execute(Call call) {
      oracle.execute(call);
    }

    @Override
    public void synchronize() {
    }

    @Override
    public void close() {
    }
  }

  private static DataLoader data(int samples) {
    Batch all = SmallNetwork.batch(samples, 1);
    return new ArrayDataset(all.get(0), all.get(1)).batches(8).prefetch(0);
  }

  private static Trainer trainer(Backend backend, double learningRate) {
    return Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Sgd(learningRate)).metric(Metrics.accuracy())
        .on(new Device(backend), 42);
  }

  private record Told(List<String> events) implements TrainingListener {
    @Override
    public void stepEnded(int epoch, long step, float loss, long samples) {
      events.add(epoch + "/" + step + " " + loss + " " + samples);
    }

    @Override
    public void epochEnded(EpochResult r) {
      events.add("ended " + r.trainLoss() + " " + r.validationLoss() + " " + r.validationMetrics());
    }
  }

  /** Two epochs of 26 steps, the last of 3 samples. */
  private static List<String> events(Backend backend) {
    List<String> events = new ArrayList<>();
    Trainer trainer = trainer(backend, 0.05).listener(new Told(events));
    trainer.fit(data(203), data(203), epochs(2));
    assertThat(trainer.state()).startsWith("replaying");
    return events;
  }

  @Test
  void lateLossesAreTheSameNumbersInTheSameOrder() {
    List<String> atOnce = events(new ReferenceBackend());
    assertThat(atOnce).hasSize(2 * 26 + 2);
    for (int patience : new int[] {0, 1, 5, 1000}) {
      Late late = new Late(patience);
      assertThat(events(late)).as("patience %d", patience).isEqualTo(atOnce);
      assertThat(late.inFlight).isZero();
      assertThat(late.readsAtOnce).as("reads that wait for the device").isZero();
      // A step has one number, a batch of the evaluation two.
      assertThat(late.mostInFlight).isLessThanOrEqualTo(2 * (StepsInFlight.MOST + 1));
    }
    Late never = new Late(1000);
    events(never);
    assertThat(never.mostInFlight).isGreaterThan(StepsInFlight.MOST);
  }

  @Test
  void aDivergingStepIsNamedThoughLaterOnesWereDone() {
    Trainer atOnce = trainer(new ReferenceBackend(), 1e30);
    Late late = new Late(3);
    Trainer then = trainer(late, 1e30);
    String message = "";
    try {
      atOnce.fit(data(203), epochs(1));
    } catch (TrainingDivergedException e) {
      message = e.getMessage();
    }
    assertThat(message).contains("in epoch 1, step ");
    assertThatThrownBy(() -> then.fit(data(203), epochs(1))).isInstanceOf(TrainingDivergedException.class)
        .hasMessage(message);
    assertThat(then.stepsDone()).isGreaterThan(atOnce.stepsDone());
    assertThat(late.inFlight).isZero();
  }

  @Test
  void anExceptionLeavesNothingInFlight() {
    Late late = new Late(4);
    Trainer trainer = trainer(late, 0.05).listener(new TrainingListener() {
      @Override
      public void stepEnded(int epoch, long step, float loss, long samples) {
        if (step == 7) {
          throw new IllegalStateException("enough");
        }
      }
    });
    assertThatThrownBy(() -> trainer.fit(data(203), epochs(1))).hasMessage("enough");
    assertThat(late.inFlight).isZero();
    assertThat(late.mostInFlight).isGreaterThan(1);
  }

  @Test
  void anInterruptTellsOfEveryStepThatWasDone() {
    Late late = new Late(1000);
    List<String> events = new ArrayList<>();
    Trainer trainer = trainer(late, 0.05).listener(new Told(events)).listener(new TrainingListener() {
      @Override
      public void stepEnded(int epoch, long step, float loss, long samples) {
        if (step == 3) {
          Thread.currentThread().interrupt();
        }
      }
    });
    try {
      assertThatThrownBy(() -> trainer.fit(data(203), epochs(1))).isInstanceOf(CancellationException.class)
          .hasMessage("training was interrupted in epoch 1 after " + trainer.stepsDone() + " steps");
    } finally {
      Thread.interrupted();
    }
    assertThat(trainer.stepsDone()).isEqualTo(StepsInFlight.MOST + 3);
    assertThat(events).hasSize(trainer.stepsDone());
    assertThat(late.inFlight).isZero();
  }

  @Test
  void aCopyToTheHostHoldsWhatTheTensorHeldWhenItWasAskedFor() {
    Device device = new Device(new Late(1));
    Tensor t = Tensor.of(device, new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    HostCopy copy = t.transpose(0, 1).toHostAsync();
    HostCopy one = t.select(0, 1).select(0, 2).toHostAsync();
    t.write(new float[6]);
    assertThat(copy.isDone()).isFalse();
    assertThat(copy.isDone()).isTrue();
    assertThat(copy.get().toFloats()).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(one.item()).isEqualTo(6);
    assertThatThrownBy(copy::item).hasMessage("item() of F32[3, 2], which has 6 elements; use toArray()");
  }

  /** Counts that F32 sums could not tell apart stay exact, for each batch's is read and they are added in double precision. */
  @Test
  void countsAreExact() {
    Device device = new Device(new ReferenceBackend());
    Metric many = new Metric() {
      @Override
      public String name() {
        return "many";
      }

      @Override
      public Tensor total(Tensor output, Tensor target) {
        return Tensor.of(device, new int[] {(1 << 24) + 1}, 1);
      }
    };
    Trainer trainer = Trainer.of(SmallNetwork.model(), Losses.crossEntropy(), new Sgd(0.1)).metric(many).on(device, 1);
    assertThat(trainer.evaluate(data(24)).metrics().get("many")).isEqualTo(3 * ((1 << 24) + 1) / 24.0);
  }
}
