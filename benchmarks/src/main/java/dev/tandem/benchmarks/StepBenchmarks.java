package dev.tandem.benchmarks;

import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.io.Json;
import dev.tandem.core.io.Safetensors;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code benchmarks/run steps}: times training steps of whole models, with their first losses as proof of what ran. */
final class StepBenchmarks {
  private static final long SEED = 42;
  private static final Pattern CALLS = Pattern.compile("(\\d+) calls");
  private static final Pattern HIGH_WATER = Pattern.compile("VmHWM:\\s+(\\d+) kB");

  private final StepOptions options;
  private final Device device;
  private final StepTiming timing;
  private boolean begun;

  private StepBenchmarks(StepOptions options, Device device) {
    this.options = options;
    this.device = device;
    timing = new StepTiming(device, options.seconds(), options.warmup());
  }

  /** @return the exit status */
  static int run(String[] arguments, PrintStream out, PrintStream err) {
    StepOptions options;
    Device device;
    try {
      options = StepOptions.parse(arguments);
      if (options.workloads().isEmpty()) {
        out.print(StepOptions.USAGE);
        Workload.all().forEach(w -> out.printf("  %-13s %s%n", w.name(), w.description()));
        return 0;
      }
      device = Device.of(options.device());
    } catch (IllegalArgumentException e) {
      err.println("error: " + e.getMessage());
      return 2;
    }
    out.printf("%s: %s%n", device.name(), device.describe());
    out.printf("%-13s %6s %10s %10s %10s %14s %7s %9s %6s%n", "workload", "batch", "step ms", "+upload ms", "host ms",
        "items/s", "of peak", "memory", "calls");
    int status = 0;
    var benchmarks = new StepBenchmarks(options, device);
    for (Workload workload : options.workloads()) {
      try {
        Map<String, @Nullable Object> row = benchmarks.row(workload);
        out.println(line(row));
        append(options.json(), row);
      } catch (IOException | RuntimeException | OutOfMemoryError e) {
        err.println("error: " + workload.name() + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()));
        status = 1;
      }
    }
    return status;
  }

  private static void append(@Nullable Path file, Map<String, @Nullable Object> row) throws IOException {
    if (file != null) {
      Files.writeString(file, Json.write(row) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  private static String line(Map<String, @Nullable Object> row) {
    return "%-13s %6s %10s %10s %10s %14s %7s %9s %6s".formatted(row.get("workload"), row.get("batch"),
        number(row, "step_ms", "%.3f", 1), number(row, "step_with_upload_ms", "%.3f", 1),
        number(row, "host_ms", "%.3f", 1), number(row, "items_per_second", "%.0f", 1),
        number(row, "peak_share", "%.1f%%", 100), number(row, "device_bytes", "%.0f MiB", 0x1p-20),
        number(row, "calls", "%.0f", 1));
  }

  private static String number(Map<String, @Nullable Object> row, String key, String format, double scale) {
    return row.get(key) instanceof Number n ? String.format(Locale.ROOT, format, n.doubleValue() * scale) : "-";
  }

  private Map<String, @Nullable Object> row(Workload workload) throws IOException {
    Module model = workload.model().on(device, SEED);
    workload.initialize(model);
    Path weights = options.weights();
    if (weights != null) {
      model.loadState(Safetensors.read(weights).tensors());
    }
    Path save = options.saveWeights();
    if (save != null) {
      Safetensors.write(save, model.stateToHost(), Map.of());
    }
    Optimizer optimizer = workload.optimizer().on(model);
    Batch data = workload.data();

    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("framework", "tandem");
    row.put("workload", workload.name());
    row.put("device", device.name());
    row.put("chip", device.describe());
    row.put("precision", StepOptions.name(options.precision()));
    row.put("setting", options.eager() ? "eager" : "replay");
    row.put("batch", workload.batch());
    row.put("size", workload.size());
    row.put("parameters", model.parameterCount());
    row.put("items", workload.items());
    row.put("flops_per_step", workload.flopsPerStep());
    resident(workload, model, optimizer, data, row);
    if (options.seconds() > 0) {
      TrainStep uploading = TrainStep.of(optimizer, SEED, in -> step(workload, model, optimizer, in))
          .precision(options.precision()).capture(!options.eager());
      row.put("step_with_upload_ms", StepTiming.median(timing.milliseconds(() -> uploading.run(data))));
    }
    row.put("process_peak_bytes", highWater());
    row.put("versions", Map.of("jdk", Runtime.version().toString(), "vm", System.getProperty("java.vm.name", "")));
    return row;
  }

  private static Tensor step(Workload workload, Module model, Optimizer optimizer, List<Tensor> in) {
    Tensor loss = workload.loss(model.apply(in.get(0)), in.get(1));
    optimizer.update(Gradients.of(loss));
    return loss;
  }

  /** Losses and times of steps whose inputs are on the device already. */
  private void resident(Workload workload, Module model, Optimizer optimizer, Batch data,
      Map<String, @Nullable Object> row) {
    List<Tensor> inputs = data.fields().stream().map(f -> Tensor.persistent(device, f, "inputs")).toList();
    TrainStep step = TrainStep.of(List.of(optimizer), SEED, _ -> List.of(step(workload, model, optimizer, inputs)))
        .precision(options.precision()).capture(!options.eager());
    List<Float> losses = new ArrayList<>();
    for (int i = 0; i < options.losses(); i++) {
      losses.add(step.runAll(List.of()).getFirst().item());
      if (!begun) {
        // Of the process: a second workload did not start it.
        begun = true;
        row.put("first_step_seconds", Duration.between(started(), Instant.now()).toMillis() * 1e-3);
      }
    }
    row.put("losses", losses);
    if (options.seconds() > 0) {
      List<Double> all = timing.milliseconds(() -> step.runAll(List.of()));
      double milliseconds = StepTiming.median(all);
      row.put("step_ms", milliseconds);
      row.put("repetitions_ms", all);
      row.put("host_ms", timing.hostMilliseconds(() -> step.runAll(List.of())));
      row.put("items_per_second", workload.itemsPerStep() / milliseconds * 1e3);
      Double given = options.peak();
      OptionalDouble peak = given == null
          ? PeakRate.of(device.describe(), options.precision())
          : OptionalDouble.of(given);
      if (peak.isPresent()) {
        row.put("peak_flops", peak.getAsDouble());
        row.put("peak_share", workload.flopsPerStep() / (milliseconds * 1e-3) / peak.getAsDouble());
      }
    }
    row.put("device_bytes", device.bytesHeld());
    row.put("state", step.state());
    Matcher calls = CALLS.matcher(step.state());
    row.put("calls", calls.find() ? Long.valueOf(calls.group(1)) : null);
  }

  private Instant started() {
    Instant given = options.started();
    return given == null ? Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime()) : given;
  }

  /** The most memory that the process had at a time, in bytes; null where the system does not say. */
  private static @Nullable Long highWater() {
    try {
      Matcher line = HIGH_WATER.matcher(Files.readString(Path.of("/proc/self/status")));
      return line.find() ? Long.parseLong(line.group(1)) * 1024 : null;
    } catch (IOException e) {
      return null;
    }
  }
}
