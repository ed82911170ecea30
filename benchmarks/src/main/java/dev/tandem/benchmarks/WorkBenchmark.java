package dev.tandem.benchmarks;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Tandem;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Works;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Work of {@link Works}, done by Tandem. A subclass names the work in a parameter of its own. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public abstract class WorkBenchmark {
  @Param("cpu") public String device = "";

  @Param({"1", "2"}) public int threads;

  private Task task;

  /** In the subclass's setup. Each combination of parameters has its own JVM. */
  final void open(String name) {
    open(name, new Tandem(device));
  }

  final void open(String name, Side side) {
    Work work = Works.of(name);
    side.start(threads);
    task = side.open(work);
  }

  @Benchmark
  public void work() {
    task.run();
  }
}
