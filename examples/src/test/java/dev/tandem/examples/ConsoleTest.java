package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.train.EpochResult;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  private static final long MILLISECOND = 1_000_000;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long now;

  private Console console(int width) {
    return new Console(new PrintStream(bytes, true, StandardCharsets.UTF_8), width, () -> now);
  }

  private String written() {
    String text = bytes.toString(StandardCharsets.UTF_8);
    bytes.reset();
    return text.replace(System.lineSeparator(), "\n");
  }

  private static EpochResult result(int epoch) {
    return new EpochResult(epoch, 0.42111, 0.44199, Map.of("accuracy", 0.8432), 6.1, 9836.2);
  }

  @Test
  void aTerminalShowsABarThatFillsItsWidth() {
    Console console = console(80);
    console.epochStarted(2, 5, 938, 60_000);
    now += 2000 * MILLISECOND;
    console.stepEnded(2, 469, 0.4312f, 30_016);
    assertThat(written()).isEqualTo("epoch 2/5  [========>       ] 469/938  loss 0.4312  15,008 samples/s  0:02 left");
  }

  @Test
  void theBarIsRedrawnTenTimesASecondAtMost() {
    Console console = console(80);
    console.epochStarted(1, 1, 1000, 1000);
    int drawn = 0;
    for (int step = 1; step <= 1000; step++) {
      now += MILLISECOND;
      console.stepEnded(1, step, 1, step);
      drawn += written().isEmpty() ? 0 : 1;
    }
    assertThat(drawn).isEqualTo(10);
  }

  @Test
  void aShorterLineCoversTheLongerOneBeforeIt() {
    Console console = console(60);
    console.epochStarted(1, 1, 10_000, 10_000);
    now += 1000 * MILLISECOND;
    console.stepEnded(1, 9_999, 1, 9_999);
    int length = written().length();
    console.epochEnded(new EpochResult(1, 1, null, Map.of(), 1, 10));
    assertThat(written()).startsWith("\repoch 1/1  train loss 1.0000  1.0 s  10 samples/s ").hasSize(length + 2)
        .endsWith(" \n");
  }

  @Test
  void aNarrowTerminalIsNeverOverrun() {
    Console console = console(30);
    console.epochStarted(1, 1, 10, 10);
    now += 1000 * MILLISECOND;
    console.stepEnded(1, 5, 1, 5);
    assertThat(written()).isEqualTo("epoch 1/1  5/10  loss 1.0000 ").hasSize(29);
  }

  @Test
  void withoutATerminalThereIsAPlainLineEveryTenSeconds() {
    Console console = console(0);
    console.epochStarted(1, 3, 100, 6400);
    for (int step = 1; step <= 25; step++) {
      now += 1000 * MILLISECOND;
      console.stepEnded(1, step, 2, step * 64L);
    }
    assertThat(written()).isEqualTo("""
        epoch 1/3  10/100  loss 2.0000  64 samples/s  1:30 left
        epoch 1/3  20/100  loss 2.0000  64 samples/s  1:20 left
        """);
  }

  @Test
  void anEndedEpochIsOneLine() {
    Console console = console(0);
    console.epochStarted(2, 5, 938, 60_000);
    console.epochEnded(result(2));
    assertThat(written())
        .isEqualTo("epoch 2/5  train loss 0.4211  val loss 0.4420  val accuracy 0.8432  6.1 s  9,836 samples/s\n");
  }

  @Test
  void hoursAreShownAsHours() {
    Console console = console(0);
    console.epochStarted(1, 1, 1000, 1000);
    now += 10_000 * MILLISECOND;
    console.stepEnded(1, 1, 1, 1);
    assertThat(written()).contains("  2:46:30 left");
  }

  @Test
  void aSmallLossIsNotRoundedAway() {
    assertThat(Console.decimal(0.00127)).isEqualTo("1.270e-03");
    assertThat(Console.decimal(0)).isEqualTo("0.0000");
    assertThat(Console.decimal(2.30259)).isEqualTo("2.3026");
  }
}
