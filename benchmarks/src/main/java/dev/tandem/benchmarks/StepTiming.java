package dev.tandem.benchmarks;

import dev.tandem.core.tensor.Device;
import java.util.Arrays;
import java.util.List;

/**
 * Times a step: several in a row and one wait for the device behind them, repeated; the median of the repetitions.
 * {@code peers/pytorch/timing.py} does the same.
 */
record StepTiming(Device device, double seconds, double warmup) {
  private static final int REPETITIONS = 9;
  /** A row so short that no device's queue is full and makes the host wait. */
  private static final int ISSUED = 4;
  private static final int MOST = 100_000;

  /** Milliseconds of a step in each repetition. */
  List<Double> milliseconds(Runnable step) {
    double once = warm(step);
    int steps = (int) Math.clamp(seconds / REPETITIONS / once, 1, MOST);
    double[] all = new double[REPETITIONS];
    for (int i = 0; i < all.length; i++) {
      all[i] = row(step, steps) / steps * 1e3;
    }
    return Arrays.stream(all).boxed().toList();
  }

  /** Milliseconds that the host is busy with a step before it may go on to the next. */
  double hostMilliseconds(Runnable step) {
    double[] all = new double[REPETITIONS];
    for (int i = 0; i < all.length; i++) {
      device.backend().synchronize();
      long from = System.nanoTime();
      for (int k = 0; k < ISSUED; k++) {
        step.run();
      }
      all[i] = (System.nanoTime() - from) * 1e-6 / ISSUED;
    }
    device.backend().synchronize();
    return median(Arrays.stream(all).boxed().toList());
  }

  /** Rows that grow, so that the last one tells what a step takes. */
  private double warm(Runnable step) {
    long end = System.nanoTime() + (long) (warmup * 1e9);
    int steps = 1;
    double once = row(step, steps);
    while (System.nanoTime() < end) {
      steps = (int) Math.clamp(warmup / 10 / once, 1, MOST);
      once = row(step, steps) / steps;
    }
    return once;
  }

  private double row(Runnable step, int steps) {
    device.backend().synchronize();
    long from = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      step.run();
    }
    device.backend().synchronize();
    return (System.nanoTime() - from) * 1e-9;
  }

  static double median(List<Double> values) {
    return values.stream().sorted().skip((values.size() - 1) / 2).findFirst().orElseThrow();
  }
}
