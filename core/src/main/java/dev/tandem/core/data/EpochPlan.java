package dev.tandem.core.data;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Which samples are in which batch of one epoch.
 *
 * @param order null for the order of the dataset
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared; the array is made for this plan and never written to.
record EpochPlan(Dataset dataset, int @Nullable [] order, int samples, int batchSize, int batches, int epoch) {
  /**
   * Makes batch {@code number}.
   *
   * @param used a batch whose memory may be taken
   */
  Batch load(int number, @Nullable Batch used) {
    int from = number * batchSize;
    int to = (int) Math.min(samples, (long) from + batchSize);
    int[] indices;
    if (order != null) {
      indices = Arrays.copyOfRange(order, from, to);
    } else {
      indices = new int[to - from];
      for (int i = 0; i < indices.length; i++) {
        indices[i] = from + i;
      }
    }
    Batch batch = used == null ? dataset.batch(indices) : dataset.batch(indices, used);
    if (batch.size() != indices.length) {
      throw new IllegalStateException("the dataset made " + batch.size() + " samples when asked for " + indices.length);
    }
    return batch;
  }

  DataLoadingException failure(int number, Throwable cause) {
    return new DataLoadingException(
        "batch " + number + " of epoch " + epoch + " (" + batches + " batches of " + batchSize
            + ") could not be loaded: " + cause,
        cause);
  }
}
