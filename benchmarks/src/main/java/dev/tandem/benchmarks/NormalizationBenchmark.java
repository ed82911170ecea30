package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Normalisations by batch, layer and group, forward in training and with their gradients. */
public class NormalizationBenchmark extends WorkBenchmark {
  @Param({"batch-norm-64x64x32", "batch-norm-64x64x32-backward", "layer-norm-2048x512", "layer-norm-2048x512-backward",
      "group-norm-64x64x32", "group-norm-64x64x32-backward"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
