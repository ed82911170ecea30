package dev.tandem.core.train;

import java.util.Map;

/**
 * A model's loss and metrics on some data.
 *
 * @param loss mean over the samples
 * @param metrics by name
 */
public record Evaluation(double loss, Map<String, Double> metrics) {
  public Evaluation {
    metrics = Map.copyOf(metrics);
  }
}
