package dev.tandem.benchmarks;

import dev.tandem.benchmarks.workload.Mlp;
import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
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
  @Param("cpu") public String device = "";

  @Param({"1", "2"}) public int threads;

  @Param({"replayed", "eager"}) public String mode = "";

  private Batch batch;
  private TrainStep step;

  /** Each combination of parameters has its own JVM, so the property is read when its device opens. */
  @Setup
  public void buildStep() {
    System.setProperty("tandem.threads", Integer.toString(threads));
    Workload workload = new Mlp("mlp", 128);
    batch = workload.data();
    Module model = workload.model().on(Device.of(device), 42);
    Optimizer optimizer = workload.optimizer().on(model);
    step = TrainStep.of(optimizer, 42, in -> {
      Tensor l = workload.loss(model.apply(in.get(0)), in.get(1));
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
