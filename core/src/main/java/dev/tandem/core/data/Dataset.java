package dev.tandem.core.data;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Numbered samples that can be had in any order, a batch at a time. Implementations give {@link #size}, {@link #specs}
 * and {@link #batch}; the rest follows from these.
 *
 * <pre>{@code
 * for (Batch batch : FashionMnist.train(folder).batches(64).shuffled()) { … }
 * }</pre>
 */
public interface Dataset {
  /** The number of samples. */
  long size();

  /** What one sample is, field by field, such as {@code [F32[28, 28], I32[]]}. */
  List<Spec> specs();

  /**
   * Samples {@code indices}, in that order, in freshly allocated dense arrays. Called by several threads at the same
   * time.
   *
   * @param indices each from 0 to {@code size() - 1}; repetitions are allowed, and so is an empty array
   * @throws IndexOutOfBoundsException if there is no such sample
   */
  Batch batch(int[] indices);

  /**
   * The same samples, in the arrays of {@code used} as far as they have the right shape and the implementation takes them.
   *
   * @param used a batch of this dataset that nobody will read any more
   * @throws IndexOutOfBoundsException if there is no such sample
   */
  default Batch batch(int[] indices, Batch used) {
    return batch(indices);
  }

  /**
   * This dataset in batches of {@code size} samples, in order; see {@link DataLoader} for what can be chosen from
   * there.
   *
   * @param size at least 1; the last batch may be smaller
   */
  default DataLoader batches(int size) {
    return new DataLoader(this, size);
  }

  /**
   * The samples of this dataset after {@code transformation}, which is applied to whole batches, again each time they
   * are asked for.
   *
   * @param transformation keeps the number and order of samples and always makes the same kind of them; it is tried on
   *        the first sample at once. Must be safe to call from several threads.
   */
  default Dataset map(UnaryOperator<Batch> transformation) {
    return new MappedDataset(this, transformation);
  }

  /**
   * The samples of this dataset with {@code transformation} applied to one field, as in
   * {@code map(0, Normalize.pixels())}.
   *
   * @param field counted from 0
   * @param transformation from {@code [N, …]} to {@code [N, …]}, otherwise as for {@link #map(UnaryOperator)}
   */
  default Dataset map(int field, UnaryOperator<HostArray> transformation) {
    if (field < 0 || field >= specs().size()) {
      throw new IndexOutOfBoundsException(
          "field " + field + " of samples with " + specs().size() + " fields: " + specs());
    }
    return transformation instanceof Normalize normalize ? new NormalizedDataset(this, field, normalize)
        : map(batch -> batch.with(field, transformation.apply(batch.get(field))));
  }

  /**
   * The samples {@code indices} of this dataset, renumbered from 0 in that order.
   *
   * @throws IndexOutOfBoundsException if there is no such sample
   */
  default Dataset subset(int[] indices) {
    return new Subset(this, indices.clone());
  }

  /**
   * Two disjoint datasets that have every sample of this one between them, chosen by the permutation of {@code seed}
   * ({@link DataLoader} says which that is; here it is that of epoch 0).
   *
   * @param fraction of the samples that go to the first, between 0 and 1; their number is rounded to the nearest
   * @throws IllegalArgumentException if one of the two would be empty
   */
  default Split split(double fraction, long seed) {
    int n = Permutation.length(size());
    long first = Math.round(fraction * n);
    if (!(fraction > 0 && fraction < 1) || first == 0 || first == n) {
      throw new IllegalArgumentException(
          "a split of " + n + " samples at fraction " + fraction + " leaves one part empty");
    }
    int[] order = Permutation.of(n, seed, 0);
    return new Split(subset(Arrays.copyOf(order, (int) first)), subset(Arrays.copyOfRange(order, (int) first, n)));
  }
}
