package dev.tandem.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.benchmarks.workload.Mlp;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What {@code benchmarks/run overhead} counts; not how long anything takes. */
class OverheadTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) {
    return Overhead.run(arguments, new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @Test
  void kernelsTakeAPartOfEveryStep() {
    Overhead.Figures f = Overhead.measure(new Mlp("mlp8", 8), 40, 1);
    assertThat(f.kernelMicroseconds()).isPositive().isLessThan(f.stepMicroseconds());
    assertThat(f.beside()).isStrictlyBetween(0.0, 1.0);
    // The replay in which the step's body runs instead leaves at most a few of 40 without timed calls.
    assertThat(f.calls()).isGreaterThan(10);
    assertThat(f.bytes()).isPositive();
  }

  @Test
  void everyWorkloadThatIsNamedIsALine() {
    assertThat(run("mlp128", "--steps", "8", "--threads", "1")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8).lines()).hasSize(2).last().asString().startsWith("mlp128 ");
    assertThat(err.size()).isZero();
  }

  @Test
  void whatCannotBeUsedIsSaidInOneLine() {
    assertThat(run("resnet9000")).isEqualTo(2);
    assertThat(run("mlp128", "--steps", "none")).isEqualTo(2);
    assertThat(run("mlp128", "--threads")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(3).allMatch(l -> l.startsWith("error: "));
  }
}
