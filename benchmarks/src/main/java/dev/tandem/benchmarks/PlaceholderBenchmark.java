package dev.tandem.benchmarks;

import dev.tandem.cpu.Placeholder;
import org.openjdk.jmh.annotations.Benchmark;

public class PlaceholderBenchmark {
  @Benchmark
  public int lanes() { return Placeholder.lanes(); }
}
