package dev.tandem.core.nn;

/**
 * Normalises each channel of {@code [N, C]} or {@code [N, C, L]} over the batch (and the length) in training, by running statistics
 * in inference: Ioffe and Szegedy, Batch normalization, ICML 2015. State: {@code weight}, {@code bias}, {@code running_mean},
 * {@code running_var}, all [C]; PyTorch's {@code num_batches_tracked}, which nothing here would read, is left out.
 */
public final class BatchNorm1d extends BatchNorm {
  public BatchNorm1d(int channels) {
    this(channels, BatchNormOptions.DEFAULT);
  }

  public BatchNorm1d(int channels, BatchNormOptions options) {
    super(channels, options, 2, 3, "[N, C] or [N, C, L]");
  }
}
