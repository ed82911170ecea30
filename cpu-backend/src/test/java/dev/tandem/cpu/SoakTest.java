package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training and inference without any close() hold flat memory, in a heap of 256 MB. */
class SoakTest {
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void memoryStaysFlat(boolean capture) throws IOException, InterruptedException {
    Process process = FreshJvm.start(List.of("-Xmx256m", "-XX:+UseSerialGC"), Soak.class, Boolean.toString(capture));
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    Map<String, long[]> numbers = new TreeMap<>();
    output.lines().filter(l -> l.matches("\\w+( \\d+)+")).forEach(l -> {
      String[] words = l.split(" ");
      numbers.put(words[0], List.of(words).subList(1, words.length).stream().mapToLong(Long::parseLong).toArray());
    });
    assertThat(numbers.get("training")[1]).as("bytes on the device at the end and half-way")
        .isLessThanOrEqualTo(numbers.get("training")[0]);
    // Results that nobody holds any more are looked for whenever 64 MiB were allocated.
    assertThat(numbers.get("inference")[0]).as("bytes on the device").isLessThan(80L << 20);
    assertThat(numbers.get("resident")[0]).as("KiB of the whole process").isLessThan(700_000);
  }
}
