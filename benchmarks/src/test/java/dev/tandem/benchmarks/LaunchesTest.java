package dev.tandem.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code benchmarks/run launches} prints; not how long anything takes. */
class LaunchesTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) throws IOException {
    return Launches.run(arguments, new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @Test
  void freshJvmsTrainAndAreCompared() throws IOException {
    assertThat(run("mlp128", "--launches", "2", "--steps", "4", "--threads", "1")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("first step, s", "steady after, s", "step, ms",
        "bytes a step", "pass, ns");
    assertThat(err.size()).isZero();
  }

  @Test
  void aLaunchIsReadBackAsItWasPrinted() {
    Launch launch = new Launch(0.75, 1.5, 2.25, 1.125, 4096, 60.5, 0.1f);
    assertThat(Launch.parse(launch.line())).isEqualTo(launch);
  }

  @Test
  void steadyIsWhereStepsBecomeFastAndMostlyStaySo() {
    assertThat(Launch.steadyFrom(List.of(9.0, 1.0, 9.0, 8.0, 7.0, 1.0, 1.1, 6.0, 1.0, 1.0), 1.1)).isEqualTo(5);
    assertThat(Launch.steadyFrom(List.of(1.0, 1.0), 1.1)).isZero();
    assertThat(Launch.steadyFrom(List.of(2.0, 2.0), 1.1)).isEqualTo(2);
  }

  @Test
  void whatCannotBeUsedIsSaidInOneLine() throws IOException {
    assertThat(run("resnet9000")).isEqualTo(2);
    assertThat(run("mlp128", "--launches", "none")).isEqualTo(2);
    assertThat(run("mlp128", "--launches")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(3).allMatch(l -> l.startsWith("error: "));
  }
}
