package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Softmax, log-softmax, and cross entropy with its gradient. */
public class ProbabilityBenchmark extends WorkBenchmark {
  @Param({"softmax-128x10", "softmax-1024x1024", "log-softmax-128x10", "log-softmax-1024x1024", "cross-entropy-128x10",
      "cross-entropy-1024x1024"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
