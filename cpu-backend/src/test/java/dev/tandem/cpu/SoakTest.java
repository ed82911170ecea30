package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.SmallNetwork;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Training and inference without any close() hold flat memory, in a heap of 256 MB. */
class SoakTest {
  /** Of the classes themselves: the launcher of the tests may have put its own jar into the property. */
  private static String classPath() {
    return Stream.of(Soak.class, CpuBackend.class, SmallNetwork.class, Device.class, LoggerFactory.class)
        .map(c -> Path.of(URI.create(c.getProtectionDomain().getCodeSource().getLocation().toString())).toString())
        .distinct()
        .collect(Collectors.joining(File.pathSeparator));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void memoryStaysFlat(boolean capture) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
            "-XX:+UseSerialGC", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
            classPath(), Soak.class.getName(), Boolean.toString(capture))).redirectErrorStream(true).start();
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
