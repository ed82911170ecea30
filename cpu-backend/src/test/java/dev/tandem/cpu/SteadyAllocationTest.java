package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.data.Normalize;
import dev.tandem.core.nn.BatchNorm2d;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Gelu;
import dev.tandem.core.nn.GlobalAvgPool2d;
import dev.tandem.core.nn.LayerNorm;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Loss;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Lstm;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.RecurrentOptions;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Residual;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Epochs;
import dev.tandem.core.train.TrainStep;
import dev.tandem.core.train.Trainer;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A replayed step, once compiled, makes hardly an object. A vector that is boxed in some loop shows at once as hundreds of kilobytes a
 * step, in launches that are then several times slower than others.
 */
class SteadyAllocationTest {
  private static final int SEED = 42;
  private static final int MOST_BYTES = 20 << 10;
  /** Steps between two looks. Replays 1, 2, 4, 8 … run the step's body as well; the least of several windows has none. */
  private static final int WINDOW = 25;
  /** How long the compiler may take on a busy machine. */
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  private record Training(String name, Sequential model, Loss loss, Batch batch) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Training> trainings() {
    var random = new SplittableRandom(SEED);
    return Stream.of(
        new Training("perceptron", new Sequential(new Linear(784, 128), new Relu(), new Linear(128, 10)),
            Losses.crossEntropy(), Batch.of(floats(random, 32, 784), labels(random, 10, 32))),
        new Training("convolutions",
            new Sequential(new Conv2d(1, 32, 3), new BatchNorm2d(32), new Gelu(), new MaxPool2d(2),
                new Conv2d(32, 64, 3),
                new Relu(), new MaxPool2d(2), new Flatten(), new Linear(1024, 64), new LayerNorm(64),
                new Linear(64, 10)),
            Losses.crossEntropy(), Batch.of(floats(random, 4, 1, 22, 22), labels(random, 10, 4))),
        new Training("residual",
            new Sequential(convolution(3, 16), new BatchNorm2d(16), new Relu(),
                new Residual(new Sequential(convolution(16, 16), new BatchNorm2d(16), new Relu(), convolution(16, 16),
                    new BatchNorm2d(16))),
                new Relu(), new GlobalAvgPool2d(), new Flatten(), new Linear(16, 10)),
            Losses.crossEntropy(), Batch.of(floats(random, 4, 3, 16, 16), labels(random, 10, 4))),
        new Training("LSTM",
            new Sequential(new Embedding(40, 32), new Lstm(32, 64, RecurrentOptions.DEFAULT.withBatchFirst(true)),
                new Linear(64, 40)),
            (p, t) -> Losses.crossEntropy().apply(p.reshape(64, 40), t.reshape(64)),
            Batch.of(labels(random, 40, 8, 8), labels(random, 40, 8, 8))));
  }

  private static Conv2d convolution(int in, int out) {
    return new Conv2d(in, out, 3, ConvOptions.DEFAULT.withPadding(1));
  }

  private static HostArray floats(SplittableRandom random, int... shape) {
    int n = 1;
    for (int d : shape) {
      n *= d;
    }
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextDouble();
    }
    return HostArray.of(values, shape);
  }

  private static HostArray labels(SplittableRandom random, int classes, int... shape) {
    int n = 1;
    for (int d : shape) {
      n *= d;
    }
    return HostArray.of(random.ints(n, 0, classes).toArray(), shape);
  }

  /** Over all threads: batches are made by others. */
  @Test
  void aTrainersStepsDoNotEvenAllocateTheirBatches() {
    Assumptions.assumeTrue(Lanes.AVAILABLE, "there are no vectors to be boxed");
    Assumptions.assumeFalse(Boolean.getBoolean("tandem.cpu.checked"), "checks make objects");
    var random = new SplittableRandom(SEED);
    var model = new Sequential(new Linear(784, 128), new Relu(), new Linear(128, 10));
    byte[] pixels = new byte[WINDOW * 32 * 784];
    random.nextBytes(pixels);
    DataLoader data = new ArrayDataset(HostArray.of(pixels, WINDOW * 32, 784), labels(random, 10, WINDOW * 32))
        .map(0, Normalize.pixels()).batches(32).shuffled();
    var trainer = Trainer.of(model, Losses.crossEntropy(), new Adam(1e-3)).on(new Device(new CpuBackend(1)), SEED);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long end = System.nanoTime() + PATIENCE_NANOS;
    long least = Long.MAX_VALUE;
    for (int epoch = 1; least >= MOST_BYTES && System.nanoTime() < end; epoch++) {
      long before = threads.getTotalThreadAllocatedBytes();
      trainer.fit(data, Epochs.epochs(epoch));
      least = Math.min(least, (threads.getTotalThreadAllocatedBytes() - before) / WINDOW);
    }
    assertThat(trainer.state()).startsWith("replaying");
    assertThat(least).as("bytes a step, seed %d; a batch has %d", SEED, 32 * 785 * Float.BYTES).isLessThan(MOST_BYTES);
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void aReplayedStepAllocatesHardlyAnything(Training training) {
    Assumptions.assumeTrue(Lanes.AVAILABLE, "there are no vectors to be boxed");
    Assumptions.assumeFalse(Boolean.getBoolean("tandem.cpu.checked"), "checks make objects");
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    // One thread, so that all is done, and counted, here.
    training.model.on(new Device(new CpuBackend(1)), SEED);
    var optimizer = new Adam(1e-3).on(training.model);
    var step = TrainStep.of(optimizer, SEED, in -> {
      Tensor loss = training.loss.apply(training.model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    long end = System.nanoTime() + PATIENCE_NANOS;
    long least = Long.MAX_VALUE;
    while (least >= MOST_BYTES && System.nanoTime() < end) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < WINDOW; i++) {
        step.run(training.batch);
      }
      least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / WINDOW);
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(least).as("bytes a step, seed %d", SEED).isLessThan(MOST_BYTES);
  }

  /** From when the young objects of all that came before are gone. */
  @Test
  void theCollectorPausesNoneOfTenThousandSteps() {
    Assumptions.assumeTrue(Lanes.AVAILABLE, "there are no vectors to be boxed");
    Training training = trainings().findFirst().orElseThrow();
    training.model.on(new Device(new CpuBackend(2)), SEED);
    var optimizer = new Adam(1e-3).on(training.model);
    var step = TrainStep.of(optimizer, SEED, in -> {
      Tensor loss = training.loss.apply(training.model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    for (int i = 0; i < 2000; i++) {
      step.run(training.batch);
    }
    System.gc();
    long before = collections();
    for (int i = 0; i < 10_000; i++) {
      step.run(training.batch);
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(collections() - before).as("collections of 10,000 steps, seed %d", SEED).isZero();
  }

  private static long collections() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream().mapToLong(GarbageCollectorMXBean::getCollectionCount)
        .sum();
  }
}
