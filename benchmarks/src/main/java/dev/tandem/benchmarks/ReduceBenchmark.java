package dev.tandem.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Sums over rows, over columns and of everything. */
public class ReduceBenchmark extends WorkBenchmark {
  @Param({"sum-rows-1024x1024", "sum-rows-8192x512", "sum-columns-1024x1024", "sum-columns-8192x512",
      "sum-all-1024x1024", "sum-all-8192x512"}) public String work = "";

  @Setup
  public void openWork() {
    open(work);
  }
}
