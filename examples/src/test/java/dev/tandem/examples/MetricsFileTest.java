package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.train.EpochResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
  private static final String FIRST =
      """
          {"epoch":1,"train_loss":0.1,"val_loss":0.30000000000000004,"val_accuracy":0.5,"seconds":2.0,"samples_per_second":100.0,"device":"cpu"}
          """;
  private static final String SECOND =
      """
          {"epoch":2,"train_loss":1.0E-5,"val_loss":null,"val_accuracy":null,"seconds":2.0,"samples_per_second":100.0,"device":"cpu"}
          """;

  @TempDir Path folder;

  @Test
  void eachEpochIsALineThatIsThereWhenItHasEnded() throws IOException {
    Path file = folder.resolve("m.json");
    var metrics = new MetricsFile(file, false, "cpu");
    assertThat(file).isEmptyFile();
    metrics.epochEnded(new EpochResult(1, 0.1, 0.1 + 0.2, Map.of("accuracy", 0.5), 2, 100));
    assertThat(Files.readString(file)).isEqualTo(FIRST);
    metrics.epochEnded(new EpochResult(2, 1e-5, null, Map.of(), 2, 100));
    assertThat(Files.readString(file)).isEqualTo(FIRST + SECOND);
  }

  @Test
  void aNewTrainingStartsTheFileAnewAndAResumedOneGoesOn() throws IOException {
    Path file = Files.writeString(folder.resolve("m.json"), FIRST);
    new MetricsFile(file, true, "cpu").epochEnded(new EpochResult(2, 1e-5, null, Map.of(), 2, 100));
    assertThat(Files.readString(file)).isEqualTo(FIRST + SECOND);
    var _ = new MetricsFile(file, false, "cpu");
    assertThat(file).isEmptyFile();
  }

  @Test
  void aPathThatCannotBeWrittenIsRefusedAtOnce() {
    assertThatThrownBy(() -> new MetricsFile(folder, false, "cpu")).isInstanceOf(InputException.class)
        .hasMessageStartingWith("cannot write the metrics: " + folder);
  }
}
