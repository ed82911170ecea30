package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Replayed training steps of whole models, inputs on the device already. */
public class TrainingBenchmark extends WorkBenchmark {
  @Param({"step-mlp128", "step-cnn", "step-lstm", "step-resnet18-32"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
