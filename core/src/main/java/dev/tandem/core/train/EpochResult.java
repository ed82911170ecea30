package dev.tandem.core.train;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an epoch came to.
 *
 * @param epoch from 1
 * @param trainLoss mean over the epoch's training samples, each at the time it was trained on
 * @param validationLoss mean over the validation samples after the epoch; null without validation data
 * @param validationMetrics by name, after the epoch; empty without validation data
 * @param seconds of training, validation not counted
 * @param samplesPerSecond trained
 */
public record EpochResult(int epoch, double trainLoss, @Nullable Double validationLoss,
    Map<String, Double> validationMetrics,
    double seconds, double samplesPerSecond) {
  public EpochResult {
    validationMetrics = Map.copyOf(validationMetrics);
  }
}
