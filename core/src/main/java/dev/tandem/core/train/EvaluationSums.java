package dev.tandem.core.train;

import dev.tandem.core.tensor.HostCopy;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Loss and metrics of batches, added up on the host in double precision in the order of the batches; a count of any size stays exact as
 * long as that of each batch is. Numbers of a batch arrive while later batches are computed.
 */
final class EvaluationSums implements AutoCloseable {
  private final List<Metric> metrics;
  private final StepsInFlight batches = new StepsInFlight();
  private final Map<String, Double> totals = new LinkedHashMap<>();
  private double loss;
  private long samples;

  EvaluationSums(List<Metric> metrics) {
    this.metrics = List.copyOf(metrics);
  }

  /**
   * Adds a batch.
   *
   * @param size in samples
   * @param loss F32 [], the mean over the batch
   */
  void add(int size, Tensor loss, Tensor output, Tensor target) {
    List<HostCopy> numbers = new ArrayList<>();
    numbers.add(loss.toHostAsync());
    metrics.forEach(m -> numbers.add(m.total(output, target).toHostAsync()));
    batches.add(numbers, () -> arrived(size, numbers));
  }

  private void arrived(int size, List<HostCopy> numbers) {
    loss += numbers.get(0).item() * (double) size;
    samples += size;
    for (int i = 0; i < metrics.size(); i++) {
      totals.merge(metrics.get(i).name(), numbers.get(1 + i).itemAsDouble(), Double::sum);
    }
  }

  /** Means over all samples. */
  Evaluation mean() {
    batches.finish();
    long n = Math.max(1, samples);
    Map<String, Double> means = new LinkedHashMap<>(totals);
    means.replaceAll((name, total) -> total / n);
    return new Evaluation(loss / n, means);
  }

  @Override
  public void close() {
    batches.close();
  }
}
