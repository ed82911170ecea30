package dev.tandem.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.io.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code bundle/run-on-gpu-host} in a bundle whose java is a script that plays what can happen. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "the bundle is for Linux")
class BundleTest {
  private static final String JAVA = """
      #!/bin/sh
      started() { printf 'JUnit Jupiter > %s :: STARTED\\n' "$1"; }
      results() {
        while [ $# -gt 0 ]; do
          case "$1" in
            --metrics) echo '{"epoch":1}' >"$2" ;;
            --json) echo '{"workload":1}' >>"$2" ;;
          esac
          shift
        done
      }
      case "$*" in
        *'Main devices') echo 'cuda:0: a "fake" GPU'; echo 'cpu: a processor' ;;
        *nested-class:Good*) started 'Good > a()'; printf 'JUnit Jupiter > Good > a() :: SUCCESSFUL\\n' ;;
        *nested-class:Bad*)
          started 'Bad > b()'
          printf 'JUnit Jupiter > Bad > b() :: FAILED\\n'
          printf '\\tError: "1" is\\n\\tnot 2\\n\\t\\tat a.B.b(B.java:1)\\n\\t\\t[...]\\n'
          exit 1 ;;
        *nested-class:Unbuildable*) echo '[         1 containers failed     ]'; exit 1 ;;
        *nested-class:Crash*) started 'Crash > c()'; exit 134 ;;
        *nested-class:Hang*) started 'Hang > d()'; exec sleep 600 ;;
        *'Main lstm'*) echo 'error: no memory' >&2; exit 1 ;;
        *'Main '* | *'benchmarks.jar steps mlp '*) results "$@" ;;
        *'benchmarks.jar steps') printf 'WORKLOAD\\n  --a N  b\\nWorkloads:\\n  mlp   one\\n  cnn   another\\n' ;;
        *'benchmarks.jar steps cnn '*) echo 'error: no such shape' >&2; exit 1 ;;
      esac
      """;

  private record Run(int status, List<String> output) {
  }

  @TempDir Path folder;

  @BeforeEach
  void pack() throws IOException {
    for (String file : List.of("run-on-gpu-host", "tests.awk")) {
      Files.copy(Path.of("bundle", file), folder.resolve(file));
    }
    Files.writeString(folder.resolve("COMMIT"), "abc\n");
    Files.writeString(folder.resolve("tests"), Stream.of("Good", "Bad", "Unbuildable", "Crash", "Hang")
        .map(group -> "CudaContractTest " + group + "\n").reduce("", String::concat));
    Path java = Files.createDirectories(folder.resolve("runtime/bin")).resolve("java");
    Files.writeString(java, JAVA);
    assertThat(java.toFile().setExecutable(true)).isTrue();
  }

  private Run run(String... options) throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of("sh", folder.resolve("run-on-gpu-host").toString()));
    command.addAll(List.of(options));
    Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    List<String> output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    return new Run(process.waitFor(), output);
  }

  private Map<?, ?> json(String name) throws IOException {
    return (Map<?, ?>) Json.parse(name, Files.readString(folder.resolve("tandem-results").resolve(name)));
  }

  private static String statuses(Map<?, ?> summary) {
    return ((List<?>) summary.get("parts")).stream().map(p -> (Map<?, ?>) p)
        .map(p -> p.get("part") + " " + p.get("status")).reduce((a, b) -> a + ", " + b).orElseThrow();
  }

  @Test
  void aDeviceThatPassesIsStatus0() throws Exception {
    Run run = run("--parts", "contract,devices", "--tests", "Good");
    assertThat(run.output())
        .anyMatch(line -> line.matches("contract: ok in \\d+ s: 1 tests succeeded, 0 failed, 0 skipped"));
    assertThat(run.status()).isZero();
    Map<?, ?> summary = json("summary.json");
    assertThat(statuses(summary)).isEqualTo("devices ok, contract ok");
    assertThat(summary.get("devices")).isEqualTo("cuda:0: a \"fake\" GPU\ncpu: a processor");
    assertThat(summary.get("commit")).isEqualTo("abc");
  }

  @Test
  void noFailureStopsWhatFollowsAndEveryOneIsListed() throws Exception {
    Run run = run("--limit", "26", "--parts", "contract");
    assertThat(run.status()).isEqualTo(1);
    assertThat(statuses(json("summary.json"))).isEqualTo("contract failed");
    Map<?, ?> tests = json("tests.json");
    assertThat(tests.get("succeeded")).isEqualTo(1L);
    assertThat(tests.get("failed")).isEqualTo(4L);
    assertThat((List<?>) tests.get("failures")).map(f -> (Map<?, ?>) f)
        .map(f -> f.get("test") + ": " + f.get("message"))
        .containsExactly("Bad > b(): Error: \"1\" is\nnot 2",
            "CudaContractTest Unbuildable: could not be set up; log.txt says why",
            "Crash > c(): its process ended with status 134", "Hang > d(): did not end in the time it had");
  }

  @Test
  void whatFailsIsNamedAndTheFiguresOfTheOthersAreKept() throws Exception {
    Run run = run("--parts", "examples,benchmarks,peers");
    assertThat(run.status()).isEqualTo(1);
    Map<?, ?> summary = json("summary.json");
    assertThat(statuses(summary)).isEqualTo("examples failed, benchmarks failed, peers skipped");
    assertThat(summary.toString()).contains("why=lstm: failed", "why=cnn: failed",
        "why=this bundle has no comparison with peers");
    Path results = folder.resolve("tandem-results");
    assertThat(Files.readAllLines(results.resolve("examples.jsonl"))).containsExactly(
        "{\"example\":\"mlp\",\"epoch\":1}", "{\"example\":\"cnn\",\"epoch\":1}",
        "{\"example\":\"resnet\",\"epoch\":1}");
    assertThat(Files.readAllLines(results.resolve("benchmarks.jsonl"))).containsExactly("{\"workload\":1}");
    assertThat(Files.readString(results.resolve("log.txt"))).contains("== lstm\nerror: no memory\n== resnet");
  }

  @Test
  void whatCannotBeUsedIsOneLineAndStatus2() throws Exception {
    assertThat(run("--parts", "devices,contrat")).isEqualTo(new Run(2, List.of(
        "run-on-gpu-host: unknown part 'contrat'; there are devices,contract,examples,benchmarks,peers")));
    assertThat(run("--limit", "1m")).isEqualTo(
        new Run(2, List.of("run-on-gpu-host: --limit wants a whole number of seconds, not '1m'")));
    assertThat(run("--out")).isEqualTo(new Run(2, List.of("run-on-gpu-host: --out needs a value")));
    assertThat(run("-h").status()).isZero();
  }
}
