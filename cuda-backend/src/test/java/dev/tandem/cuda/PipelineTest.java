package dev.tandem.cuda;

import static dev.tandem.core.train.Epochs.epochs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Dropout;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Clipping;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.HostCopy;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.TrainStep;
import dev.tandem.core.train.Trainer;
import dev.tandem.core.train.TrainingListener;
import dev.tandem.cuda.emulator.EmulatorCounts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is copied to and from the device while it computes: the same numbers in any order that events allow, and no waiting. */
class PipelineTest {
  private static final int CLASSES = 4;

  @TempDir Path folder;

  private String output(String lazy, String log, Class<?> program) throws Exception {
    Cuda.emulator();
    String known = System.getProperty(UserCache.PROPERTY);
    return JavaProcess.run(Map.of("EMU_LAZY", lazy, "EMU_LOG", log),
        Cuda.flags(known == null ? folder : Path.of(known).toAbsolutePath()), program).output();
  }

  private static Batch batch(int n, int features, long seed) {
    Random random = new Random(seed);
    float[] x = new float[n * features];
    int[] y = new int[n];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextFloat();
    }
    for (int i = 0; i < n; i++) {
      y[i] = (int) (CLASSES * x[i * features]);
    }
    return Batch.of(HostArray.of(x, n, features), HostArray.of(y, n));
  }

  /** Trains on inputs of two and a half chunks and a last batch of half of one; losses and metrics are read late. */
  static final class Train {
    private static final int FEATURES = 20_000;

    private Train() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      Batch all = batch(27 * 8 + 6, FEATURES, 1);
      ArrayDataset data = new ArrayDataset(all.get(0), all.get(1));
      Trainer trainer = Trainer.of(new Sequential(new Linear(FEATURES, CLASSES)), Losses.crossEntropy(),
          new Adam(1e-4)).schedule(Schedules.exponential(0.9)).metric(Metrics.accuracy()).on(device, 1);
      List<String> told = new ArrayList<>();
      trainer.listener(new TrainingListener() {
        @Override
        public void stepEnded(int epoch, long step, float loss, long samples) {
          told.add(step + " " + loss + " " + samples);
        }
      });
      System.out.println("result " + trainer.fit(data.batches(64), data.batches(48), epochs(3)).epochs().stream()
          .map(e -> e.trainLoss() + " " + e.validationLoss() + " " + e.validationMetrics()).toList() + told
          + trainer.state());
    }
  }

  private String trained(String lazy) throws Exception {
    String output = output(lazy, "0", Train.class);
    return output.lines().filter(l -> l.startsWith("result")).findFirst().orElse("no result in " + output);
  }

  /** 1: all work as late as events allow. 2: copies as early as they allow, all else as late. */
  @Test
  void theOrderOfWorkThatEventsAllowChangesNoNumber() throws Exception {
    String expected = trained("0");
    assertThat(expected).startsWith("result [").contains("1 1.4", "4 1.", "accuracy", "replaying");
    assertThat(trained("1")).as("late").isEqualTo(expected);
    assertThat(trained("2")).as("copies early").isEqualTo(expected);
  }

  /** Writes more than all buffers hold, one over the other, and reads a part of each for later. */
  static final class Writes {
    private Writes() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      for (int[] sizeAndTimes : new int[][] {{3_000_000, 30}, {15_000, 100}}) {
        int n = sizeAndTimes[0];
        int times = sizeAndTimes[1];
        Tensor t = Tensor.zeros(device, n);
        float[] values = new float[n];
        List<HostCopy> parts = new ArrayList<>();
        for (int i = 0; i < times; i++) {
          Arrays.fill(values, i + 1);
          t.write(values);
          int at = (int) ((long) (n - 500) * i / (times - 1));
          parts.add(t.slice(0, at, at + 500).toHostAsync());
        }
        List<Integer> wrong = new ArrayList<>();
        for (int i = 0; i < times; i++) {
          float[] part = parts.get(i).get().toFloats();
          float[] expected = new float[500];
          Arrays.fill(expected, i + 1);
          if (!Arrays.equals(part, expected)) {
            wrong.add(i);
          }
        }
        System.out.println(n + " elements, wrong " + wrong);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "1", "2"})
  void buffersAreFilledAnewOnlyWhenTheyAreEmpty(String lazy) throws Exception {
    assertThat(output(lazy, "0", Writes.class)).contains("3000000 elements, wrong []\n15000 elements, wrong []\n");
  }

  /** Steps with all that a step has: a large input, dropout, clipping, a schedule, a loss that is read. */
  static final class Steady {
    private Steady() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      Module model =
          new Sequential(new Linear(1000, 16), new Relu(), new Dropout(0.5), new Linear(16, CLASSES)).on(device, 1);
      Adam optimizer = new Adam(1e-3);
      optimizer.schedule(Schedules.exponential(0.99));
      optimizer.on(model);
      TrainStep step = TrainStep.of(optimizer, 3, in -> {
        var loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
        optimizer.update(Clipping.byNorm(Gradients.of(loss), 0.1, model).gradients());
        return loss;
      });
      EmulatorCounts counts = new EmulatorCounts(Cuda.emulator());
      List<HostCopy> losses = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        if (i == 8) {
          losses.forEach(HostCopy::get);
          System.err.println("-- steady, work done: " + counts.work());
        }
        losses.add(step.run(batch(32, 1000, i)).toHostAsync());
      }
      System.err.println("-- end, work done: " + counts.work());
      System.out.println("losses " + losses.stream().map(HostCopy::item).toList() + " " + step.state());
    }
  }

  private static Stream<String> between(String output, String prefix) {
    return output.lines().dropWhile(l -> !l.startsWith("-- steady")).takeWhile(l -> !l.startsWith("-- end"))
        .filter(l -> l.startsWith(prefix));
  }

  private static long count(String output, String call) {
    return between(output, "emulator: call " + call + " ").count();
  }

  @Test
  void aSteadyStepWaitsForNothingAndAllocatesNothing() throws Exception {
    String output = output("0", "1", Steady.class);
    Matcher losses = Pattern.compile("losses \\[(.*)] replaying").matcher(output);
    assertThat(losses.find()).as(output.lines().filter(l -> !l.startsWith("emulator: ")).toList().toString()).isTrue();
    assertThat(losses.group(1).split(",")).hasSize(20).doesNotHaveDuplicates();
    for (String call : List.of("cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize", "cuMemAlloc_v2",
        "cuMemFree_v2", "cuMemHostAlloc", "cuMemFreeHost", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2", "cuMemcpyDtoD_v2")) {
      assertThat(count(output, call)).as(call).isZero();
    }
    assertThat(count(output, "cuMemcpyDtoHAsync_v2")).as("the losses of 12 steps").isEqualTo(12);
  }

  /** Where nothing runs until something waits for it, nothing runs: the host is 12 steps ahead. */
  @Test
  void theHostDoesNotWaitForStepsThatAreUnderWay() throws Exception {
    String lazy = output("1", "1", Steady.class);
    assertThat(between(lazy, "emulator: issue ").count()).isGreaterThan(12 * 5);
    List<String> done = lazy.lines().filter(l -> l.startsWith("-- ")).map(l -> l.substring(l.indexOf(':'))).toList();
    assertThat(done).hasSize(2);
    assertThat(done.get(0)).as("work done by step 8 and by step 20").isEqualTo(done.get(1)).isNotEqualTo(": 0");
    assertThat(lazy.lines().filter(l -> l.startsWith("losses")).toList())
        .isEqualTo(output("0", "1", Steady.class).lines().filter(l -> l.startsWith("losses")).toList());
  }

  /** An index out of range is found late, and reported with the first loss after it that is looked at. */
  @ParameterizedTest
  @ValueSource(ints = {0, 5})
  void aBadIndexEndsATraining(int epochsBefore) {
    int[] words = new int[40 * 3];
    Arrays.setAll(words, i -> i % 10);
    int[] labels = new int[40];
    Arrays.setAll(labels, i -> i % CLASSES);
    HostArray y = HostArray.of(labels, 40);
    ArrayDataset good = new ArrayDataset(HostArray.of(words.clone(), 40, 3), y);
    words[3 * 33 + 1] = 10;
    ArrayDataset bad = new ArrayDataset(HostArray.of(words, 40, 3), y);
    Trainer trainer = Trainer.of(new Sequential(new Embedding(10, 2), new Flatten(), new Linear(6, CLASSES)),
        Losses.crossEntropy(), new Adam(1e-3)).on(new Device(Cuda.backend()), 1);
    if (epochsBefore > 0) {
      trainer.fit(good.batches(10), epochs(epochsBefore));
      assertThat(trainer.state()).startsWith("replaying");
    }
    assertThatThrownBy(() -> trainer.fit(bad.batches(10), epochs(epochsBefore + 1)))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining("index 10 at position 10 is outside the 10 rows");
    trainer.fit(good.batches(10), epochs(epochsBefore + 1));
    assertThat(trainer.epochsDone()).as("the device goes on").isEqualTo(epochsBefore + 1);
  }
}
