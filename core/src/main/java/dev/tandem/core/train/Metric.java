package dev.tandem.core.train;

import dev.tandem.core.tensor.Tensor;

/** A number that people judge a model by, as a mean over samples. */
public interface Metric {
  /** How it is reported: {@code accuracy}. */
  String name();

  /** The sum of the metric over the samples of a batch, of one element. Tensor code: nothing is read on the host. */
  Tensor total(Tensor output, Tensor target);
}
