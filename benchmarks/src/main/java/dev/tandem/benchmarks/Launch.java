package dev.tandem.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * What one JVM saw of itself while it trained from its start on. Times are in seconds, where not said otherwise.
 *
 * @param firstStep from the start of the JVM to the end of the first step
 * @param firstStepCpu processor time of the whole process until then, compiler and collector included
 * @param steady from the start of the JVM until all windows were within 10 % of the median of the last half
 * @param stepMilliseconds that median
 * @param stepBytes that a step allocates on the heap in the window where it was least: boxed vectors show here, whatever
 *     else the machine is doing
 * @param loss of the last step, the same in every launch
 */
record Launch(double firstStep, double firstStepCpu, double steady, double stepMilliseconds, long stepBytes,
    float loss) {
  private static final long SEED = 42;
  /** Steps between two looks at the clock. */
  private static final int WINDOW = 5;
  private static final double TOLERANCE = 0.1;

  /** Trains in this JVM. */
  static Launch run(Workload workload, int steps) {
    Device device = Device.of("cpu");
    Module model = workload.model().on(device, SEED);
    workload.initialize(model);
    Optimizer optimizer = workload.optimizer().on(model);
    TrainStep step = TrainStep.of(optimizer, SEED, in -> {
      Tensor loss = workload.loss(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    var data = workload.data();
    float loss = step.run(data).item();
    // Before the management classes are loaded, which takes time that is not the step's.
    long firstEnd = System.currentTimeMillis();
    double first = sinceStart(firstEnd);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    var process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    double cpu = process.getProcessCpuTime() * 1e-9;
    List<Double> ends = new ArrayList<>();
    List<Double> windows = new ArrayList<>();
    long leastBytes = Long.MAX_VALUE;
    for (int done = 1; done < steps; done += WINDOW) {
      long bytes = threads.getTotalThreadAllocatedBytes();
      long from = System.nanoTime();
      for (int i = 0; i < WINDOW; i++) {
        loss = step.run(data).item();
      }
      windows.add((System.nanoTime() - from) * 1e-6 / WINDOW);
      ends.add(sinceStart(System.currentTimeMillis()));
      leastBytes = Math.min(leastBytes, (threads.getTotalThreadAllocatedBytes() - bytes) / WINDOW);
    }
    double median = StepTiming.median(windows.subList(windows.size() / 2, windows.size()));
    int slow = windows.size() - 1;
    while (slow >= 0 && windows.get(slow) < median * (1 + TOLERANCE)) {
      slow--;
    }
    return new Launch(first, cpu, slow < 0 ? first : ends.get(slow), median, leastBytes, loss);
  }

  private static double sinceStart(long millis) {
    return (millis - ManagementFactory.getRuntimeMXBean().getStartTime()) * 1e-3;
  }

  /** One line that {@link #parse} reads. */
  String line() {
    return firstStep + " " + firstStepCpu + " " + steady + " " + stepMilliseconds + " " + stepBytes + " " + loss;
  }

  /** @throws IllegalArgumentException if it is no such line */
  static Launch parse(String line) {
    String[] f = line.strip().split(" ");
    if (f.length != 6) {
      throw new IllegalArgumentException("a launch printed '" + line + "'");
    }
    return new Launch(Double.parseDouble(f[0]), Double.parseDouble(f[1]), Double.parseDouble(f[2]),
        Double.parseDouble(f[3]), Long.parseLong(f[4]), Float.parseFloat(f[5]));
  }
}
