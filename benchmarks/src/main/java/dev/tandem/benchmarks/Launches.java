package dev.tandem.benchmarks;

import dev.tandem.benchmarks.workload.Workload;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * {@code benchmarks/run launches}: trains the same in many fresh JVMs and prints how they differ. What the compiler makes of a kernel
 * depends on when it gets to it, so a single launch, or many repetitions in one, say little.
 */
final class Launches {
  private static final String USAGE = """
      benchmarks/run launches WORKLOAD[,WORKLOAD...] [options]: the same training in many fresh JVMs, on the CPU.

        --launches N        fresh JVMs for each workload (default: 20)
        --steps N           training steps in each (default: 300)
        --threads N         threads of the cpu device (default: one a processor)
        --java-options TEXT further options of the JVMs, such as -XX:Tier3DelayOn=0, which lets compilations wait

      Exit status: 0 all gave the same loss, 1 some did not or failed, 2 the command line cannot be used.
      """;
  private static final List<String> OPTIONS = List.of("--launches", "--steps", "--threads", "--java-options");
  /** The first argument of a launch's own command line. */
  private static final String ALONE = "--alone";

  private Launches() {
  }

  /** @return the exit status */
  static int run(String[] arguments, PrintStream out, PrintStream err) throws IOException {
    if (arguments.length == 0) {
      out.print(USAGE);
      return 0;
    }
    if (arguments[0].equals(ALONE)) {
      out.println(Launch.run(StepOptions.named(arguments[1]), Integer.parseInt(arguments[2])).line());
      return 0;
    }
    List<Workload> workloads = new ArrayList<>();
    Map<String, String> values = new HashMap<>();
    int launches;
    int steps;
    try {
      for (int i = 0; i < arguments.length; i++) {
        if (!arguments[i].startsWith("--")) {
          for (String name : arguments[i].split(",")) {
            workloads.add(StepOptions.named(name));
          }
        } else if (!OPTIONS.contains(arguments[i]) || i + 1 == arguments.length) {
          throw new IllegalArgumentException("unknown option or no value: " + arguments[i] + "; there are "
              + String.join(", ", OPTIONS) + ", each with a value");
        } else {
          values.put(arguments[i], arguments[++i]);
        }
      }
      launches = number(values, "--launches", 20);
      steps = number(values, "--steps", 300);
      number(values, "--threads", 1);
    } catch (IllegalArgumentException e) {
      err.println("error: " + e.getMessage());
      return 2;
    }
    int status = 0;
    for (Workload w : workloads) {
      status = Math.max(status, series(w, launches, command(values, w, steps), out, err));
    }
    return status;
  }

  private static int number(Map<String, String> values, String option, int otherwise) {
    String text = values.get(option);
    if (text == null) {
      return otherwise;
    }
    if (!text.matches("[1-9][0-9]{0,6}")) {
      throw new IllegalArgumentException(option + " wants a number from 1 on, not '" + text + "'");
    }
    return Integer.parseInt(text);
  }

  private static List<String> command(Map<String, String> values, Workload workload, int steps) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
    if (values.containsKey("--threads")) {
      command.add("-Dtandem.threads=" + values.get("--threads"));
    }
    if (values.containsKey("--java-options")) {
      command.addAll(List.of(values.get("--java-options").strip().split("\\s+")));
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName(), "launches", ALONE,
        workload.name(), Integer.toString(steps)));
    return command;
  }

  private static int series(Workload workload, int launches, List<String> command, PrintStream out, PrintStream err)
      throws IOException {
    out.printf("%s: %s%n%10s %10s %10s %10s %12s %8s%n", workload.name(), workload.description(), "first s", "cpu s",
        "steady s", "step ms", "bytes/step", "pass ns");
    List<Launch> all = new ArrayList<>();
    for (int i = 0; i < launches; i++) {
      Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      try {
        Launch l = Launch.parse(printed);
        all.add(l);
        out.printf("%10.2f %10.2f %10.2f %10.3f %12d %8.0f%n", l.firstStep(), l.firstStepCpu(), l.steady(),
            l.stepMilliseconds(), l.stepBytes(), l.passNanos());
      } catch (IllegalArgumentException e) {
        err.println("error: launch " + (i + 1) + " of " + workload.name() + ": " + e.getMessage());
        return 1;
      }
    }
    spread(out, "first step, s", all, Launch::firstStep);
    spread(out, "steady after, s", all, Launch::steady);
    spread(out, "step, ms", all, Launch::stepMilliseconds);
    spread(out, "bytes a step", all, Launch::stepBytes);
    spread(out, "pass, ns", all, Launch::passNanos);
    if (all.stream().map(Launch::loss).distinct().count() > 1) {
      err.println("error: launches of " + workload.name() + " ended with different losses");
      return 1;
    }
    return 0;
  }

  private static void spread(PrintStream out, String what, List<Launch> all, ToDoubleFunction<Launch> figure) {
    List<Double> sorted = all.stream().mapToDouble(figure).boxed().sorted().toList();
    double median = StepTiming.median(sorted);
    out.printf("%-16s least %.3f, median %.3f, most %.3f (%.0f %% above the median)%n", what, sorted.getFirst(),
        median, sorted.getLast(), 100 * (sorted.getLast() / median - 1));
  }
}
