package dev.tandem.benchmarks;

import com.sun.management.ThreadMXBean;
import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import dev.tandem.cpu.CpuBackend;
import java.io.PrintStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * {@code benchmarks/run overhead}: what replayed steps cost beside their kernels, on the CPU: time outside of the backend's calls,
 * bytes on the heap, and collections.
 */
final class Overhead {
  private static final String USAGE = """
      benchmarks/run overhead WORKLOAD[,WORKLOAD...] [options]: what the framework costs around the kernels, on the CPU.

        --steps N           replayed steps that are measured, after half as many that are not (default: 1000)
        --threads N         threads of the cpu device (default: one a processor)

      Every call of a step has a clock around it; what is left of the step is the framework, the clocks, and writing the
      step's inputs. Exit status: 0 measured, 1 the steps were not replayed, 2 the command line cannot be used.
      """;
  private static final long SEED = 42;
  private static final int WINDOWS = 20;

  /**
   * @param stepMicroseconds median over the windows
   * @param kernelMicroseconds in the same windows, inside the calls
   * @param beside median over the windows of the part of a step that is outside of its calls
   * @param calls in a step
   * @param bytes on the heap, a step, over all threads; the median over the windows, since few steps run their body
   * @param collections by all collectors while the steps were measured
   */
  record Figures(double stepMicroseconds, double kernelMicroseconds, double beside, double calls, double bytes,
      long collections) {
  }

  private Overhead() {
  }

  /** @return the exit status */
  static int run(String[] arguments, PrintStream out, PrintStream err) {
    if (arguments.length == 0) {
      out.print(USAGE);
      return 0;
    }
    List<Workload> workloads = new ArrayList<>();
    int steps = 1000;
    int threads = Runtime.getRuntime().availableProcessors();
    try {
      for (int i = 0; i < arguments.length; i++) {
        switch (arguments[i]) {
          case "--steps" -> steps = number(arguments, ++i);
          case "--threads" -> threads = number(arguments, ++i);
          default -> {
            for (String name : arguments[i].split(",")) {
              workloads.add(StepOptions.named(name));
            }
          }
        }
      }
    } catch (IllegalArgumentException e) {
      err.println("error: " + e.getMessage());
      return 2;
    }
    out.printf("%-14s %10s %12s %10s %8s %12s %12s%n", "workload", "step us", "kernels us", "beside", "calls",
        "bytes/step",
        "collections");
    for (Workload w : workloads) {
      try {
        Figures f = measure(w, steps, threads);
        out.printf(Locale.ROOT, "%-14s %10.1f %12.1f %9.2f%% %8.0f %12.0f %12d%n", w.name(), f.stepMicroseconds(),
            f.kernelMicroseconds(), 100 * f.beside(), f.calls(), f.bytes(), f.collections());
      } catch (IllegalStateException e) {
        err.println("error: " + w.name() + ": " + e.getMessage());
        return 1;
      }
    }
    return 0;
  }

  private static int number(String[] arguments, int at) {
    if (at >= arguments.length || !arguments[at].matches("[1-9][0-9]{0,6}")) {
      throw new IllegalArgumentException(arguments[at - 1] + " wants a number from 1 on");
    }
    return Integer.parseInt(arguments[at]);
  }

  /** @throws IllegalStateException if the steps are not replayed */
  static Figures measure(Workload workload, int steps, int threads) {
    TimedCalls backend = new TimedCalls(new CpuBackend(threads));
    Module model = workload.model().on(new Device(backend), SEED);
    workload.initialize(model);
    Optimizer optimizer = workload.optimizer().on(model);
    TrainStep step = TrainStep.of(optimizer, SEED, in -> {
      Tensor loss = workload.loss(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    var data = workload.data();
    for (int i = 0; i < Math.max(4, steps / 2); i++) {
      step.run(data);
    }
    if (!step.state().startsWith("replaying")) {
      throw new IllegalStateException(step.state());
    }
    var memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int window = Math.max(1, steps / WINDOWS);
    List<Double> times = new ArrayList<>();
    List<Double> kernels = new ArrayList<>();
    List<Double> beside = new ArrayList<>();
    List<Double> bytes = new ArrayList<>();
    long calls = backend.calls();
    long collections = collections();
    int done = 0;
    while (done < steps) {
      int now = Math.min(window, steps - done);
      long inside = backend.nanos();
      long allocated = memory.getTotalThreadAllocatedBytes();
      long from = System.nanoTime();
      for (int i = 0; i < now; i++) {
        step.run(data);
      }
      double all = System.nanoTime() - from;
      inside = backend.nanos() - inside;
      bytes.add((memory.getTotalThreadAllocatedBytes() - allocated) / (double) now);
      times.add(all * 1e-3 / now);
      kernels.add(inside * 1e-3 / now);
      beside.add((all - inside) / all);
      done += now;
    }
    long after = collections();
    Figures f = new Figures(StepTiming.median(times), StepTiming.median(kernels), StepTiming.median(beside),
        (backend.calls() - calls) / (double) steps, StepTiming.median(bytes),
        after - collections);
    backend.close();
    return f;
  }

  private static long collections() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream().mapToLong(GarbageCollectorMXBean::getCollectionCount)
        .sum();
  }
}
