package dev.tandem.core.nn;

/**
 * Normalises each channel of {@code [N, C, H, W]} over the batch and the image in training, by running statistics in inference:
 * Ioffe and Szegedy, Batch normalization, ICML 2015. State: {@code weight}, {@code bias}, {@code running_mean},
 * {@code running_var}, all [C]; PyTorch's {@code num_batches_tracked}, which nothing here would read, is left out.
 */
public final class BatchNorm2d extends BatchNorm {
  public BatchNorm2d(int channels) {
    this(channels, BatchNormOptions.DEFAULT);
  }

  public BatchNorm2d(int channels, BatchNormOptions options) {
    super(channels, options, 4, 4, "[N, C, H, W]");
  }
}
