package dev.tandem.benchmarks.peers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.io.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerComparisonTest {
  @TempDir Path folder = Path.of("");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
    all.addAll(List.of("--out", folder.resolve("out.json").toString()));
    return PeerComparison.run(all, new PrintStream(out), new PrintStream(err));
  }

  @Test
  void aPeerThatComputesTheSameIsTimedAndOneThatDoesNotIsRefused() throws IOException {
    int status =
        run("--rows softmax-128x10 --peers mirror,altered --threads 1 --rounds 2 --seconds 0.01 --warmup 0.01");

    assertThat(status).as("%s%s", out, err).isEqualTo(1);
    Path file = folder.resolve("out.json");
    Map<?, ?> document = (Map<?, ?>) Json.parse("out", Files.readString(file));
    Map<?, ?> row = (Map<?, ?>) ((List<?>) document.get("rows")).getFirst();
    assertThat((List<?>) row.get("tandem_rounds_us")).hasSize(2);
    List<?> peers = (List<?>) row.get("peers");
    Map<?, ?> altered = (Map<?, ?>) peers.getFirst();
    assertThat(altered.get("peer")).isEqualTo("altered");
    assertThat((String) altered.get("failed")).contains("differ");
    assertThat(altered.containsKey("us")).isFalse();
    Map<?, ?> mirror = (Map<?, ?>) peers.getLast();
    assertThat(mirror.get("peer")).isEqualTo("mirror");
    assertThat(((Number) mirror.get("ratio")).doubleValue()).isPositive();
    assertThat(((Number) mirror.get("error")).doubleValue()).isZero();
  }

  @Test
  void aWrongCommandLineSaysWhatIsWrong() throws IOException {
    assertThat(run("--rows nothing")).isEqualTo(2);
    assertThat(run("--peers nobody")).isEqualTo(2);
    assertThat(run("--threads 0")).isEqualTo(2);
    assertThat(run("--vectors sse")).isEqualTo(2);
    assertThat(run("--speed 1")).isEqualTo(2);
    assertThat(err.toString()).contains("nothing", "nobody", "--threads", "sse", "--speed");
  }
}
