package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What one epoch came to, as the metrics say it; what depends on the clock is left out. */
record Epoch(long number, double trainLoss, Double validationLoss, @Nullable Double validationAccuracy) {
  /**
   * Trains on the CPU, without an error.
   *
   * @param file for the metrics
   */
  static List<Epoch> train(Path file, String... arguments) throws IOException {
    var all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--device", "cpu", "--metrics", file.toString()));
    Program program = Program.run(all.toArray(String[]::new));
    assertThat(program.err()).isEmpty();
    assertThat(program.status()).isZero();
    return read(file);
  }

  static List<Epoch> read(Path file) throws IOException {
    return read(file, "cpu");
  }

  /** @param device that all of them must name */
  static List<Epoch> read(Path file, String device) throws IOException {
    var epochs = new ArrayList<Epoch>();
    for (String line : Files.readAllLines(file)) {
      var e = (Map<?, ?>) Json.parse(file.toString(), line);
      assertThat(e.get("device")).isEqualTo(device);
      epochs.add(new Epoch((Long) e.get("epoch"), (Double) e.get("train_loss"), (Double) e.get("val_loss"),
          (Double) e.get("val_accuracy")));
    }
    return epochs;
  }
}
