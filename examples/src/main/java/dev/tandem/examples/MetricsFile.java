package dev.tandem.examples;

import dev.tandem.core.io.Json;
import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;

/**
 * Writes one JSON object a line after each epoch: {@code epoch, train_loss, val_loss, val_accuracy, seconds,
 * samples_per_second, device}. Numbers are written in full, so two runs can be compared to the bit; what an example
 * does not measure is null.
 */
final class MetricsFile implements TrainingListener {
  private final Path file;
  private final String device;

  /**
   * @param append whether to go on with the file instead of starting it anew
   * @throws InputException if the file cannot be written
   */
  MetricsFile(Path file, boolean append, String device) {
    this.file = file;
    this.device = device;
    try {
      Files.writeString(file, "", StandardOpenOption.CREATE, StandardOpenOption.WRITE,
          append ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING);
    } catch (IOException e) {
      throw new InputException("cannot write the metrics", e);
    }
  }

  @Override
  public void epochEnded(EpochResult r) {
    var line = new LinkedHashMap<String, Object>();
    line.put("epoch", r.epoch());
    line.put("train_loss", r.trainLoss());
    line.put("val_loss", r.validationLoss());
    line.put("val_accuracy", r.validationMetrics().get("accuracy"));
    line.put("seconds", r.seconds());
    line.put("samples_per_second", r.samplesPerSecond());
    line.put("device", device);
    try {
      Files.writeString(file, Json.write(line) + "\n", StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the metrics: " + InputException.reason(e), e);
    }
  }
}
