package dev.tandem.benchmarks;

import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.op.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The command line of {@code benchmarks/run steps}.
 *
 * @param workloads what to time, in order; empty to list what there is
 * @param precision of products
 * @param eager whether steps are run anew instead of replayed
 * @param losses how many first losses to write down
 * @param seconds of measurement for each figure; 0 for none
 * @param warmup seconds of steps before them
 * @param peak operations a second that the device could do at best; null for what is known of the chip
 * @param weights initial values to read; null for those of {@code seed} 42
 * @param saveWeights where to write the initial values; null for nowhere
 * @param json where to add an object for each workload; null for nowhere
 * @param started when the process was started; null for when the JVM says it was
 */
record StepOptions(List<Workload> workloads, String device, Precision precision, boolean eager, int losses,
    double seconds, double warmup, @Nullable Double peak, @Nullable Path weights, @Nullable Path saveWeights,
    @Nullable Path json, @Nullable Instant started) {
  static final String USAGE = """
      benchmarks/run steps WORKLOAD[,WORKLOAD...] [options]: times training steps on any device.

        --device NAME       best, cpu, cuda or cuda:N (default: best)
        --precision P       fp32, tf32 or bf16, as the device has it (default: fp32)
        --threads N         threads of the cpu device (default: one a processor)
        --batch N           samples in a step, instead of the workload's own number
        --size N            side of images or length of sequences, likewise
        --eager             run every step anew instead of replaying recorded ones
        --losses N          first losses to write down (default: 100)
        --seconds S         measure for S seconds a figure, 0 for losses only (default: 2)
        --warmup S          run for S seconds before (default: 3)
        --peak TFLOPS       what the device could do at best, for the share of it
        --weights FILE      initial values, a safetensors file with PyTorch's names
        --save-weights FILE write the initial values
        --json FILE         add a line of JSON for each workload
        --started SECONDS   when this process was started, in seconds since 1970, for the time to the first step

      Exit status: 0 all were run, 1 one failed, 2 the command line cannot be used. Workloads:
      """;

  /** Those that have a value. */
  private static final List<String> OPTIONS = List.of("--device", "--precision", "--threads", "--batch", "--size",
      "--losses", "--seconds", "--warmup", "--peak", "--weights", "--save-weights", "--json", "--started");

  StepOptions {
    workloads = List.copyOf(workloads);
  }

  /** @throws IllegalArgumentException if there is an unknown option or a value that cannot be used */
  static StepOptions parse(String... arguments) {
    Map<String, String> values = new HashMap<>();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("--")) {
        names.addAll(List.of(argument.split(",")));
      } else if (argument.equals("--eager")) {
        values.put(argument, "");
      } else if (!OPTIONS.contains(argument)) {
        throw new IllegalArgumentException(
            "unknown option " + argument + "; there are --eager, " + String.join(", ", OPTIONS));
      } else if (i + 1 == arguments.length) {
        throw new IllegalArgumentException(argument + " needs a value");
      } else {
        values.put(argument, arguments[++i]);
      }
    }
    Integer threads = number(values, "--threads", Integer::valueOf, 1);
    if (threads != null) {
      // Read when the cpu device is opened.
      System.setProperty("tandem.threads", threads.toString());
    }
    Integer batch = number(values, "--batch", Integer::valueOf, 1);
    Integer size = number(values, "--size", Integer::valueOf, 1);
    List<Workload> workloads = names.stream().map(StepOptions::named)
        .map(w -> batch == null ? w : w.withBatch(batch)).map(w -> size == null ? w : w.withSize(size)).toList();
    Double peak = number(values, "--peak", Double::valueOf, 0);
    Double started = number(values, "--started", Double::valueOf, 0);
    Path weights = path(values, "--weights");
    if (weights != null && !Files.isRegularFile(weights)) {
      throw new IllegalArgumentException("--weights wants a file, and " + weights + " is none");
    }
    Path saveWeights = path(values, "--save-weights");
    if (workloads.size() > 1 && (weights != null || saveWeights != null)) {
      throw new IllegalArgumentException("--weights and --save-weights are for one workload, not for several");
    }
    return new StepOptions(workloads, values.getOrDefault("--device", "best"),
        precision(values.getOrDefault("--precision", "fp32")), values.containsKey("--eager"),
        or(number(values, "--losses", Integer::valueOf, 1), 100),
        or(number(values, "--seconds", Double::valueOf, 0), 2.0),
        or(number(values, "--warmup", Double::valueOf, 0), 3.0), peak == null ? null : peak * 1e12, weights,
        saveWeights, path(values, "--json"), started == null ? null : Instant.ofEpochMilli((long) (started * 1e3)));
  }

  private static Precision precision(String name) {
    for (Precision p : Precision.values()) {
      if (name(p).equals(name)) {
        return p;
      }
    }
    throw new IllegalArgumentException("--precision wants fp32, tf32 or bf16, not '" + name + "'");
  }

  /** As on the command line. */
  static String name(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  /** @throws IllegalArgumentException if there is no such workload */
  static Workload named(String name) {
    return Workload.all().stream().filter(w -> w.name().equals(name)).findFirst()
        .orElseThrow(() -> new IllegalArgumentException("unknown workload '" + name + "'; there are "
            + String.join(", ", Workload.all().stream().map(Workload::name).toList())));
  }

  private static <N extends Number> @Nullable N number(Map<String, String> values, String option,
      Function<String, N> parser, int least) {
    String text = values.get(option);
    if (text == null) {
      return null;
    }
    try {
      N n = parser.apply(text);
      if (n.doubleValue() >= least && n.doubleValue() < Double.POSITIVE_INFINITY) {
        return n;
      }
    } catch (NumberFormatException e) {
      // Said below, with the numbers that are too small.
    }
    throw new IllegalArgumentException(option + " wants a number from " + least + " on, not '" + text + "'");
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }

  private static @Nullable Path path(Map<String, String> values, String option) {
    String text = values.get(option);
    return text == null ? null : Path.of(text);
  }
}
