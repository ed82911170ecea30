package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Maxima and averages of windows, forward and with the gradient. */
public class PoolingBenchmark extends WorkBenchmark {
  @Param({"max-pool-64x64x24-k2s2p0", "max-pool-64x64x24-k2s2p0-backward", "max-pool-8x64x112-k3s2p1",
      "max-pool-8x64x112-k3s2p1-backward", "average-pool-64x64x24-k2s2p0",
      "average-pool-64x64x24-k2s2p0-backward"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
