package dev.tandem.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.io.Json;
import dev.tandem.core.io.Safetensors;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepBenchmarksTest {
  @TempDir Path folder = Path.of("");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private int files;

  private int run(String arguments) {
    return StepBenchmarks.run(arguments.split(" "), new PrintStream(out), new PrintStream(err));
  }

  /** What it leaves in its file. */
  private Map<?, ?> row(String arguments) throws IOException {
    Path file = folder.resolve("row" + files++ + ".json");
    assertThat(run(arguments + " --device cpu --json " + file)).as("%s", err).isZero();
    return (Map<?, ?>) Json.parse("row", Files.readString(file));
  }

  private static List<Double> losses(Map<?, ?> row) {
    return ((List<?>) row.get("losses")).stream().map(l -> ((Number) l).doubleValue()).toList();
  }

  @ParameterizedTest
  @CsvSource({"mlp128, 16, 28", "cnn, 4, 28", "lstm, 2, 8", "transformer, 2, 8", "resnet18-224, 4, 32",
      "resnet50-32, 4, 8"})
  void tenStepsAreFiniteAndTheSameTwice(String workload, int batch, int size) throws IOException {
    String arguments = "%s --batch %d --size %d --seconds 0 --losses ".formatted(workload, batch, size);

    List<Double> losses = losses(row(arguments + 10));

    assertThat(losses).hasSize(10).allMatch(Double::isFinite).doesNotHaveDuplicates();
    assertThat(losses.getLast()).isLessThan(losses.getFirst());
    // The fourth is replayed.
    assertThat(losses(row(arguments + 4))).isEqualTo(losses.subList(0, 4));
  }

  @Test
  void weightsAreReadAndWrittenUnderTheNamesOfTheModel() throws IOException {
    Path file = folder.resolve("weights.safetensors");
    row("mlp128 --batch 4 --losses 1 --seconds 0 --save-weights " + file);
    Map<String, HostArray> weights = Safetensors.read(file).tensors();
    assertThat(weights.keySet()).containsExactlyInAnyOrder("0.weight", "0.bias", "2.weight", "2.bias", "4.weight",
        "4.bias");
    assertThat(weights.get("4.weight").spec()).hasToString("F32[10, 256]");

    Map<String, HostArray> zeros = new LinkedHashMap<>();
    weights.forEach((name, w) -> zeros.put(name, HostArray.zeros(DType.F32, w.shape().dims())));
    Path none = folder.resolve("zeros.safetensors");
    Safetensors.write(none, zeros, Map.of());

    // All classes are as likely.
    assertThat(losses(row("mlp128 --batch 4 --losses 1 --seconds 0 --weights " + none)).getFirst())
        .isCloseTo(Math.log(10), within(1e-6));
  }

  @Test
  void aTimedRowHasItsFigures() throws IOException {
    Map<?, ?> row = row("mlp128 --batch 8 --losses 3 --seconds 0.05 --warmup 0.05 --peak 1");

    assertThat(row.get("step_ms")).isInstanceOfSatisfying(Double.class, ms -> {
      assertThat(ms).isPositive();
      assertThat((Double) row.get("items_per_second")).isCloseTo(8 / ms * 1e3, within(1e-3));
      long flops = 2L * 8 * (2 * 784 * 512 + 3 * (512 * 256 + 256 * 10));
      assertThat(row.get("flops_per_step")).isEqualTo(flops);
      assertThat((Double) row.get("peak_share")).isCloseTo(flops / (ms * 1e-3) / 1e12, within(1e-9));
    });
    assertThat((List<?>) row.get("repetitions_ms")).hasSize(9);
    assertThat(row.get("state")).asString().startsWith("replaying");
    assertThat((Long) row.get("calls")).isBetween(10L, 100L);
    assertThat((Double) row.get("step_with_upload_ms")).isPositive();
    assertThat((Long) row.get("device_bytes")).isGreaterThan(2L * 4 * 535_818);
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("mlp128", "of peak");
  }

  @Test
  void eagerStepsAreNotReplayed() throws IOException {
    Map<?, ?> row = row("mlp128 --batch 2 --losses 4 --seconds 0 --eager");

    assertThat(row.get("setting")).isEqualTo("eager");
    assertThat(row.get("state")).asString().startsWith("eager");
  }

  @Test
  void aloneItListsTheWorkloads() {
    assertThat(StepBenchmarks.run(new String[0], new PrintStream(out), new PrintStream(err))).isZero();
    String list = out.toString(StandardCharsets.UTF_8);
    Workload.all().forEach(w -> assertThat(list).contains(w.name(), w.description()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "mlp128 --speed 1", "mlp128 --batch", "mlp128 --batch 0", "mlp128 --batch many",
      "mlp128 --precision fp16", "mlp128 --device tpu", "mlp128 --size 7", "mlp128 --weights nowhere",
      "mlp128,cnn --save-weights w", "mlp128 --seconds -1"})
  void aCommandLineThatCannotBeUsedIsOneLine(String arguments) {
    assertThat(run(arguments)).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8).lines()).singleElement().asString().startsWith("error: ");
  }

  @Test
  void aRowThatFailsDoesNotStopTheNext() {
    assertThat(run("resnet18-32,mlp128 --device cpu --precision bf16 --batch 2 --losses 1 --seconds 0")).isOne();
    assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(2).allMatch(l -> l.contains("fp32"));
  }

  @Test
  void chipsAreToldApart() {
    assertThat(PeakRate.of("NVIDIA A100-SXM4-40GB, CUDA 12.6", Precision.TF32)).hasValue(156e12);
    assertThat(PeakRate.of("NVIDIA A10", Precision.BF16)).hasValue(125e12);
    assertThat(PeakRate.of("NVIDIA L40S", Precision.FP32)).hasValue(91.6e12);
    assertThat(PeakRate.of("NVIDIA H200 NVL", Precision.FP32)).hasValue(60e12);
    assertThat(PeakRate.of("Tesla T4", Precision.BF16)).isEmpty();
    assertThat(PeakRate.of("an unknown chip", Precision.FP32)).isEmpty();
  }
}
