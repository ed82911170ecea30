package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RestartTest {
  @Test
  void theCommandKeepsWhatTheJvmWasGivenAndAddsWhatItLacks() {
    List<String> command = Restart.command(List.of("-Xmx1g", "-Da=b c"), List.of("--add-modules=jdk.incubator.vector"),
        "mlp", "--data", "a b");
    assertThat(Files.isExecutable(Path.of(command.getFirst()))).isTrue();
    assertThat(command.subList(1, command.size())).containsExactly("-Xmx1g", "-Da=b c",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED", "-Dtandem.restarted=true", "-cp", System.getProperty("java.class.path"),
        "dev.tandem.examples.Main", "mlp", "--data", "a b");
  }

  @Test
  void aJvmWithTheFlagsIsNotRestarted() {
    assertThat(Restart.missingFlags()).isEmpty();
  }

  @Test
  void aJvmWithoutTheFlagsIsRestartedOnceAndItsExitStatusPassedOn() throws Exception {
    var plain = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
        System.getProperty("java.class.path"), "dev.tandem.examples.Main", "logistic", "--device", "cpu", "--data",
        System.getProperty("java.home")).redirectErrorStream(true).start();
    String output = new String(plain.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(output.lines()).hasSize(1).first().asString().startsWith("error: ")
        .contains("breast_cancer.csv does not exist");
    assertThat(plain.waitFor()).isEqualTo(2);
  }
}
