package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every example on the CUDA backend, as a user starts it, for a few steps: a process of its own on the emulator of the
 * CUDA libraries, which the module native builds.
 */
class CudaTest {
  private static final String HOME = "TANDEM_CUDA_HOME";
  private static final String SENTENCE = "Call me Ishmael. Some years ago--never mind how long precisely. ";

  /** Where three steps of the usual batch in one epoch are too slow on the emulator, or too few to learn anything. */
  private static final Map<String, List<String>> OPTIONS = Map.of(
      "xor", List.of("--epochs", "2", "--steps", "20"),
      "logistic", List.of("--epochs", "2"),
      "mlp", List.of("--epochs", "2", "--steps", "4", "--batch", "8"),
      "cnn", List.of("--epochs", "1", "--steps", "3", "--batch", "2"),
      "resnet", List.of("--epochs", "1", "--steps", "2", "--batch", "2"),
      "autoencoder", List.of("--epochs", "1", "--steps", "3", "--batch", "4"),
      "lstm", List.of("--epochs", "1", "--steps", "2", "--batch", "2"),
      "transformer", List.of("--epochs", "1", "--steps", "2", "--batch", "1"),
      "gcn", List.of("--epochs", "2"));

  @TempDir Path folder;

  private static Path emulator() {
    Path emulator = Path.of(System.getProperty("tandem.emulator", "emulator"));
    if (!Files.exists(emulator.resolve("libcuda.so.1"))) {
      String reason = "no CUDA emulator in " + emulator + "; the build of the module native says why";
      if (System.getProperty("require.backend", "").contains("cuda")) {
        fail(reason + " (-Drequire.backend=cuda demands it)");
      }
      System.err.println("[WARNING] The examples are NOT TESTED on CUDA: " + reason);
      Assumptions.abort(reason);
    }
    return emulator;
  }

  /** In a JVM of its own, where the libraries are looked for in {@code home} before anywhere else. */
  private Program start(Path home, List<String> arguments) throws IOException, InterruptedException {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    var command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-Dtandem.restarted=true",
        "-Dtandem.cache=" + System.getProperty("tandem.cache", folder.toString()), "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED", "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), Main.class.getName()));
    command.addAll(arguments);
    var process =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    process.environment().put(HOME, home.toString());
    int status = process.start().waitFor();
    List<String> errors = Files.readAllLines(err, StandardCharsets.UTF_8).stream()
        .filter(line -> !line.startsWith("WARNING: Using incubator modules")).toList();
    return new Program(status, Files.readAllLines(out, StandardCharsets.UTF_8), errors);
  }

  static Stream<String> thatTrain() {
    return Example.all().stream().filter(e -> e.epochs() > 0).map(Example::name);
  }

  @ParameterizedTest
  @MethodSource("thatTrain")
  void anExampleTrainsAsOnTheCpu(String example) throws Exception {
    Path emulator = emulator();
    var arguments = new ArrayList<>(List.of(example));
    arguments.addAll(OPTIONS.getOrDefault(example, List.of("--epochs", "1", "--steps", "3")));
    if (example.equals("transformer")) {
      // It is judged by every window of the last tenth: 418 of the text it brings, which would take a minute.
      Files.writeString(folder.resolve("moby_dick.txt"), SENTENCE.repeat(12));
      arguments.addAll(List.of("--data", folder.toString()));
    }
    List<Epoch> cpu = Epoch.train(folder.resolve("cpu.json"), arguments.toArray(String[]::new));

    Path metrics = folder.resolve("cuda.json");
    arguments.addAll(List.of("--device", "cuda", "--metrics", metrics.toString()));
    Program program = start(emulator, arguments);
    assertThat(program.err()).isEmpty();
    assertThat(program.status()).isZero();
    assertThat(program.out().getFirst()).startsWith(example + ": ").contains(" on cuda:0 (", "emulator");

    List<Epoch> cuda = Epoch.read(metrics, "cuda:0");
    assertThat(cuda).hasSameSizeAs(cpu);
    for (int i = 0; i < cuda.size(); i++) {
      // Both begin with the same weights, samples and dropout: what differs is the rounding of a few steps.
      assertThat(cuda.get(i).trainLoss()).isFinite().isCloseTo(cpu.get(i).trainLoss(),
          within(1e-3 * cpu.get(i).trainLoss()));
    }
    if (cuda.size() > 1) {
      assertThat(cuda.getLast().trainLoss()).isLessThan(cuda.getFirst().trainLoss());
    }
  }

  @Test
  void devicesListsTheGpuFirst() throws Exception {
    Program program = start(emulator(), List.of("devices"));
    assertThat(program.status()).isZero();
    assertThat(program.err()).isEmpty();
    assertThat(program.out()).hasSize(2);
    assertThat(program.out().getFirst()).startsWith("cuda:0: ").contains("emulator", "cuDNN");
    assertThat(program.out().getLast()).startsWith("cpu: ");
  }

  @Test
  void devicesSaysInOneLineWhyThereIsNoGpu() throws Exception {
    Program program = start(folder, List.of("devices"));
    assertThat(program.status()).isZero();
    assertThat(program.err()).isEmpty();
    Assumptions.assumeTrue(program.out().stream().noneMatch(line -> line.startsWith("cuda:0: ")),
        "this machine has a GPU");
    assertThat(program.out()).hasSize(2);
    assertThat(program.out().getFirst()).startsWith("cpu: ");
    assertThat(program.out().getLast()).startsWith("cuda: not usable: The").containsAnyOf("Install", "Run nvidia-smi",
        "Unset").hasSizeLessThan(400);
  }
}
