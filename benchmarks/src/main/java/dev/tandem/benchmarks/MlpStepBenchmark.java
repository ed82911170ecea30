package dev.tandem.benchmarks;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Loss;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One training step of a 784-512-256-10 perceptron with ReLU and Adam on a batch of 128, the loss read back. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class MlpStepBenchmark {
  private static final int SAMPLES = 128;
  private static final int PIXELS = 784;
  private static final int CLASSES = 10;

  @Param("cpu") public String device = "";

  @Param({"1", "2"}) public int threads;

  @Param({"replayed", "eager"}) public String mode = "";

  private Batch batch;
  private TrainStep step;

  /** Each combination of parameters has its own JVM, so the property is read when its device opens. */
  @Setup
  public void buildStep() {
    System.setProperty("tandem.threads", Integer.toString(threads));
    var random = new SplittableRandom(42);
    float[] pixels = new float[SAMPLES * PIXELS];
    int[] labels = new int[SAMPLES];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (float) random.nextDouble();
    }
    for (int i = 0; i < labels.length; i++) {
      labels[i] = random.nextInt(CLASSES);
    }
    batch = Batch.of(HostArray.of(pixels, SAMPLES, PIXELS), HostArray.of(labels, SAMPLES));

    var model =
        new Sequential(new Linear(PIXELS, 512), new Relu(), new Linear(512, 256), new Relu(), new Linear(256, CLASSES));
    model.on(Device.of(device), 42);
    var optimizer = new Adam(1e-3).on(model);
    Loss loss = Losses.crossEntropy();
    step = TrainStep.of(optimizer, 42, in -> {
      Tensor l = loss.apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(l));
      return l;
    }).capture(mode.equals("replayed"));
  }

  @Benchmark
  public float step() {
    return step.run(batch).item();
  }

  /** A benchmark of replays that did not replay would mislead. */
  @TearDown
  public void requireMode() {
    if (!step.state().startsWith(mode.equals("replayed") ? "replaying" : "eager")) {
      throw new IllegalStateException("the step should be " + mode + " and is " + step.state());
    }
  }
}
