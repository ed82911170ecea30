package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** LSTM and GRU layers forward, and forward with their gradients. */
public class RecurrentBenchmark extends WorkBenchmark {
  @Param({"lstm-64x64x128-256", "lstm-64x64x128-256-backward", "lstm-32x64x64-256", "lstm-32x64x64-256-backward",
      "gru-64x64x128-256", "gru-64x64x128-256-backward", "gru-32x64x64-256",
      "gru-32x64x64-256-backward"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
