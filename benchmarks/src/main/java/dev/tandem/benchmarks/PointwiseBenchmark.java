package dev.tandem.benchmarks;

import dev.tandem.benchmarks.work.Tandem;
import dev.tandem.benchmarks.work.VectorLoops;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Fused elementwise programs beside a loop over the Vector API that was written by hand, and the copying of memory. */
public class PointwiseBenchmark extends WorkBenchmark {
  @Param({"gelu-16k", "gelu-1m", "gelu-16m", "tanh-16k", "tanh-1m", "tanh-16m", "exp-16k", "exp-1m", "exp-16m",
      "adam-16k", "adam-1m", "adam-16m", "copy-16k", "copy-1m", "copy-16m"}) public String work = "";

  /** A loop by hand is of one thread, whatever the number of threads. */
  @Param({"tandem", "vector-loop"}) public String side = "";

  @Setup
  public void openWork() {
    open(work, side.equals(Tandem.NAME) ? new Tandem(device) : new VectorLoops());
  }
}
