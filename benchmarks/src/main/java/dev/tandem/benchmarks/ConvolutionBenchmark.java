package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Convolutions forward, and forward with both gradients: some alone, those of a ResNet-18. */
public class ConvolutionBenchmark extends WorkBenchmark {
  @Param({"conv-32x64x28-64-k3s1p1", "conv-32x64x28-64-k3s1p1-backward", "conv-32x1x28-32-k5s1p2",
      "conv-32x1x28-32-k5s1p2-backward", "conv-32x32x26-64-k3s1p0", "conv-32x32x26-64-k3s1p0-backward",
      "conv-32x64x56-128-k3s2p1", "conv-32x64x56-128-k3s2p1-backward", "conv-32x256x28-64-k1s1p0",
      "conv-32x256x28-64-k1s1p0-backward", "conv-32x128x14-128-k3s1p1", "conv-32x128x14-128-k3s1p1-backward",
      "conv-64x3x32-64-k3s1p1", "conv-64x3x32-64-k3s1p1-backward", "conv-64x64x32-64-k3s1p1",
      "conv-64x64x32-64-k3s1p1-backward", "conv-64x64x32-128-k3s2p1", "conv-64x64x32-128-k3s2p1-backward",
      "conv-64x64x32-128-k1s2p0", "conv-64x64x32-128-k1s2p0-backward", "conv-64x128x16-128-k3s1p1",
      "conv-64x128x16-128-k3s1p1-backward", "conv-64x256x8-256-k3s1p1", "conv-64x256x8-256-k3s1p1-backward",
      "conv-64x512x4-512-k3s1p1", "conv-64x512x4-512-k3s1p1-backward", "conv-8x3x224-64-k7s2p3",
      "conv-8x3x224-64-k7s2p3-backward", "conv-8x64x56-64-k3s1p1", "conv-8x64x56-64-k3s1p1-backward",
      "conv-8x64x56-128-k3s2p1", "conv-8x64x56-128-k3s2p1-backward", "conv-8x128x28-128-k3s1p1",
      "conv-8x128x28-128-k3s1p1-backward", "conv-8x256x14-256-k3s1p1", "conv-8x256x14-256-k3s1p1-backward",
      "conv-8x512x7-512-k3s1p1", "conv-8x512x7-512-k3s1p1-backward"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
