package dev.tandem.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tandem.core.io.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code peers/compare} with programs in the place of both sides that say what they are told to. */
class CompareTest {
  private static final String LOSSES = "[2.5, 2.25]";

  @TempDir Path folder = Path.of("");

  @BeforeEach
  void requirePython() throws IOException, InterruptedException {
    boolean found;
    try {
      found = new ProcessBuilder("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 10))").start()
          .waitFor() == 0;
    } catch (IOException e) {
      found = false;
    }
    assumeTrue(found, "peers/compare is not tested: there is no python3 of version 3.10 or later");
  }

  /** A program that answers {@code --list}, leaves a row with these losses and times, and can fail under a setting. */
  private Path program(String name, String losses, double milliseconds) throws IOException {
    Path program = folder.resolve(name);
    Files.writeString(program, """
        #!/usr/bin/env python3
        import json, sys
        words = sys.argv[1:]
        if "--list" in words:
            settings = {"mlp128": ["eager", "fast", "broken", "wrong"]}
            print(json.dumps({"settings": settings, "chip": "c", "versions": {}}))
            sys.exit()
        given = dict(zip(words, words[1:]))
        setting = given.get("--setting", "")
        if setting == "broken":
            sys.exit("it broke")
        row = {"losses": %s, "parameters": 7, "batch": 1, "size": 1, "flops_per_step": 1e9, "peak_flops": 1e12,
               "chip": "c", "versions": {}, "step_ms": %s, "first_step_seconds": 1}
        row["step_ms"] /= {"fast": 2, "wrong": 4}.get(setting, 1)
        row["step_with_upload_ms"] = row["host_ms"] = row["step_ms"]
        row["losses"][-1] += setting == "wrong"
        with open(given["--json"], "a") as file:
            file.write(json.dumps(row))
        """.formatted(losses, milliseconds));
    assertThat(program.toFile().setExecutable(true)).isTrue();
    return program;
  }

  /** The row that is left, and the exit status. */
  private Map<?, ?> row(int status, Path tandem, Path pytorch) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("python3", Path.of("peers", "compare").toString(), "--device", "cpu",
        "--rows", "mlp128", "--limit", "60", "--rounds", "2", "--commit", "none", "--java", tandem.toString(), "--jar",
        "none", "--python", pytorch.toString(), "--out", folder.resolve("results").toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isEqualTo(status);
    var result = (Map<?, ?>) Json.parse("result", Files.readString(folder.resolve("results/compare.json")));
    assertThat(folder.resolve("results/compare.txt")).content().contains("mlp128");
    return (Map<?, ?>) ((List<?>) Objects.requireNonNull(result.get("rows"))).getFirst();
  }

  private static @Nullable Object at(Map<?, ?> row, String... path) {
    Object value = row;
    for (String key : path) {
      value = ((Map<?, ?>) Objects.requireNonNull(value)).get(key);
    }
    return value;
  }

  @Test
  void theBestUsableSettingIsSetBesideTandem() throws IOException, InterruptedException {
    Map<?, ?> row = row(0, program("tandem", LOSSES, 2), program("pytorch", "[2.5, 2.2501]", 6));

    assertThat(row.get("status")).isEqualTo("ok");
    assertThat(row.get("best")).isEqualTo("fast");
    assertThat(at(row, "figures", "ratio_step_ms")).isEqualTo(1.5);
    assertThat(at(row, "figures", "tandem", "peak_share")).isEqualTo(0.5);
    assertThat(at(row, "figures", "pytorch", "runs")).isEqualTo(2L);
    assertThat(at(row, "pytorch", "broken", "why")).asString().contains("it broke");
    assertThat(at(row, "pytorch", "wrong", "status")).isEqualTo("different");
  }

  @Test
  void whatGivesOtherLossesIsNotTimed() throws IOException, InterruptedException {
    Map<?, ?> row = row(1, program("tandem", LOSSES, 2), program("pytorch", "[2.5, 2.252]", 6));

    assertThat(row.get("status")).isEqualTo("different");
    assertThat(row.get("why")).asString().contains("not timed");
    assertThat(row.containsKey("figures")).isFalse();
    assertThat(row.containsKey("tandem")).isFalse();
  }

  @Test
  void lossesThatAreNoNumbersAreDifferent() throws IOException, InterruptedException {
    Map<?, ?> row = row(1, program("tandem", "[2.5, float('nan')]", 2), program("pytorch", LOSSES, 6));

    assertThat(row.get("status")).isEqualTo("different");
  }
}
