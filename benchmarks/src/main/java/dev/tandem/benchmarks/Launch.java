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
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What one JVM saw of itself while it trained from its start on. Times are in seconds, where not said otherwise.
 *
 * @param firstStep from the start of the JVM to the end of the first step
 * @param firstStepCpu processor time of the whole process until then, compiler and collector included
 * @param steady from the start of the JVM until steps were within 10 % of the median of the last half, and stayed there for a while:
 *     a look at the clock is the median of {@value #WINDOW} steps, so that a single slow one, such as one that runs its body to check
 *     the replay, does not count
 * @param stepMilliseconds the median of the last half
 * @param stepBytes that a step allocates on the heap in the window where it was least: boxed vectors show here, whatever
 *     else the machine is doing
 * @param passNanos for a number to go from one thread to another and back: on a virtual machine whose processors share a cache now
 *     and do not a second later this says which, and steps on several threads differ by it
 * @param loss of the last step, the same in every launch
 */
record Launch(double firstStep, double firstStepCpu, double steady, double stepMilliseconds, long stepBytes,
    double passNanos, float loss) {
  private static final long SEED = 42;
  /** Steps between two looks at the clock. */
  private static final int WINDOW = 5;
  private static final double TOLERANCE = 0.1;
  /** Windows that are looked at together: what disturbs one of them, on a shared machine, is not the launch's. */
  private static final int NEXT = 5;
  private static final long PASSING_NANOS = 30_000_000;

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
      List<Double> times = new ArrayList<>();
      for (int i = 0; i < WINDOW; i++) {
        loss = step.run(data).item();
        long now = System.nanoTime();
        times.add((now - from) * 1e-6);
        from = now;
      }
      windows.add(StepTiming.median(times));
      ends.add(sinceStart(System.currentTimeMillis()));
      leastBytes = Math.min(leastBytes, (threads.getTotalThreadAllocatedBytes() - bytes) / WINDOW);
    }
    double median = StepTiming.median(windows.subList(windows.size() / 2, windows.size()));
    int steady = steadyFrom(windows, median * (1 + TOLERANCE));
    return new Launch(first, cpu, steady == 0 ? first : ends.get(steady - 1), median, leastBytes, pass(), loss);
  }

  /** The first window that is fast, as most of the next are, or their number. */
  static int steadyFrom(List<Double> windows, double fast) {
    for (int i = 0; i < windows.size(); i++) {
      List<Double> next = windows.subList(i, Math.min(windows.size(), i + NEXT));
      if (windows.get(i) <= fast && StepTiming.median(next) <= fast) {
        return i;
      }
    }
    return windows.size();
  }

  /** NaN where there is one processor. */
  private static double pass() {
    if (Runtime.getRuntime().availableProcessors() == 1) {
      return Double.NaN;
    }
    AtomicInteger turn = new AtomicInteger();
    Thread.ofPlatform().daemon().start(() -> {
      while (turn.get() >= 0) {
        turn.compareAndSet(1, 0);
        Thread.onSpinWait();
      }
    });
    List<Double> times = new ArrayList<>();
    long start = System.nanoTime();
    long now = start;
    while (now - start < PASSING_NANOS) {
      long from = now;
      turn.set(1);
      while (turn.get() != 0) {
        Thread.onSpinWait();
      }
      now = System.nanoTime();
      times.add((double) (now - from));
    }
    turn.set(-1);
    return StepTiming.median(times.subList(times.size() / 2, times.size()));
  }

  private static double sinceStart(long millis) {
    return (millis - ManagementFactory.getRuntimeMXBean().getStartTime()) * 1e-3;
  }

  /** One line that {@link #parse} reads. */
  String line() {
    return firstStep + " " + firstStepCpu + " " + steady + " " + stepMilliseconds + " " + stepBytes + " "
        + passNanos + " " + loss;
  }

  /** @throws IllegalArgumentException if it is no such line */
  static Launch parse(String line) {
    String[] f = line.strip().split(" ");
    if (f.length != 7) {
      throw new IllegalArgumentException("a launch printed '" + line + "'");
    }
    return new Launch(Double.parseDouble(f[0]), Double.parseDouble(f[1]), Double.parseDouble(f[2]),
        Double.parseDouble(f[3]), Long.parseLong(f[4]), Double.parseDouble(f[5]), Float.parseFloat(f[6]));
  }
}
