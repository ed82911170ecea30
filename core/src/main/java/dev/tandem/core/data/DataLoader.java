package dev.tandem.core.data;

import dev.tandem.core.shape.Spec;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A dataset cut into batches, which are made ahead of their use by background threads. The settings are immutable: each
 * method that changes one returns another loader.
 *
 * <pre>{@code
 * DataLoader loader = dataset.batches(64).shuffled().seed(42).dropLast().prefetch(4).workers(2);
 * for (int epoch = 0; epoch < 5; epoch++) {
 *   for (Batch batch : loader.epoch(epoch)) { … }
 * }
 * }</pre>
 *
 * <p><b>Order.</b> Without {@link #shuffled} the order of the dataset. With it, the order of epoch {@code e} is fixed
 * by the seed and {@code e} alone, on every machine and whatever the number of workers: a Fisher-Yates shuffle
 * (Durstenfeld, Algorithm 235, 1964) of {@code 0 … n - 1} from the end, in which element {@code i} is exchanged with
 * element {@code floor(u · (i + 1) / 2^64)}, where {@code u} is the next unsigned 64-bit number of SplitMix64 (Steele,
 * Lea and Flood, "Fast splittable pseudorandom number generators", 2014; in Java {@code SplittableRandom.nextLong}),
 * seeded with the number at position {@code e}, counted from 0, of SplitMix64 seeded with the seed.
 *
 * <p><b>Background work.</b> An iterator keeps {@link #prefetch} batches in flight and asks for one more each time one
 * is taken; there is no thread that runs on its own. An iterator that is abandoned half way therefore needs no closing:
 * what was in flight is finished and collected. A loader may be shared by threads, an iterator may not.
 */
public final class DataLoader implements Iterable<Batch> {
  private static final int DEFAULT_PREFETCH = 2;

  private final Dataset dataset;
  private final int batchSize;
  private final Settings settings;
  private final AtomicInteger nextEpoch = new AtomicInteger();

  private record Settings(boolean shuffled, long seed, boolean dropLast, int prefetch, int workers, boolean reusing) {}

  DataLoader(Dataset dataset, int batchSize) {
    this(dataset, batchSize, new Settings(false, 0, false, DEFAULT_PREFETCH, 1, false));
  }

  private DataLoader(Dataset dataset, int batchSize, Settings settings) {
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.settings = settings;
    require(batchSize >= 1, "a batch size of " + batchSize + "; it must be at least 1");
    int n = Permutation.length(dataset.size());
    require(!settings.dropLast || n == 0 || n >= batchSize,
        "dropLast would drop all " + n + " samples, as a batch has " + batchSize + "; choose a smaller batch");
    require(settings.prefetch >= 0, "prefetch of " + settings.prefetch + " batches; 0 loads in the calling thread");
    require(settings.workers >= 1,
        settings.workers + " workers; at least 1 is needed (prefetch(0) loads in the calling thread)");
  }

  private static void require(boolean ok, String message) {
    if (!ok) {
      throw new IllegalArgumentException(message);
    }
  }

  private DataLoader with(Settings other) {
    return new DataLoader(dataset, batchSize, other);
  }

  /** Samples in another order in every epoch. */
  public DataLoader shuffled() {
    return with(
        new Settings(true, settings.seed, settings.dropLast, settings.prefetch, settings.workers, settings.reusing));
  }

  /** What the orders of a shuffled loader depend on; 0 if not set. */
  public DataLoader seed(long seed) {
    return with(new Settings(settings.shuffled, seed, settings.dropLast, settings.prefetch, settings.workers,
        settings.reusing));
  }

  /**
   * Leaves out the last batch of an epoch if it is smaller than the others.
   *
   * @throws IllegalArgumentException if the dataset has fewer samples than one batch
   */
  public DataLoader dropLast() {
    return with(
        new Settings(settings.shuffled, settings.seed, true, settings.prefetch, settings.workers, settings.reusing));
  }

  /**
   * How many batches are made ahead, 2 if not set.
   *
   * @param batches 0 makes each batch in the calling thread when it is asked for
   */
  public DataLoader prefetch(int batches) {
    return with(
        new Settings(settings.shuffled, settings.seed, settings.dropLast, batches, settings.workers, settings.reusing));
  }

  /**
   * How many batches are made at the same time, 1 if not set; there are never more than {@link #prefetch}. Batches come
   * in the same order with any number.
   */
  public DataLoader workers(int threads) {
    return with(new Settings(settings.shuffled, settings.seed, settings.dropLast, settings.prefetch, threads,
        settings.reusing));
  }

  /**
   * Makes batches in the memory of earlier ones: a batch may be read until the next one is asked for, and no longer. Training then
   * leaves hardly anything to the garbage collector. Datasets of arrays and text windows do so, normalized or not; batches of others,
   * and of other transformations, stay as they are.
   */
  public DataLoader reusing() {
    return with(
        new Settings(settings.shuffled, settings.seed, settings.dropLast, settings.prefetch, settings.workers, true));
  }

  /** The number of batches in an epoch. */
  public int batches() {
    int n = (int) dataset.size();
    return settings.dropLast ? n / batchSize : (int) ((n + (long) batchSize - 1) / batchSize);
  }

  /** The number of samples in an epoch; with {@link #dropLast}, those of full batches only. */
  public long samples() {
    return settings.dropLast ? (long) batches() * batchSize : dataset.size();
  }

  /** Samples in a batch, but for a smaller last one. */
  public int batchSize() {
    return batchSize;
  }

  /** What one sample is, field by field; a batch has the number of samples in front of each. */
  public List<Spec> specs() {
    return dataset.specs();
  }

  /**
   * Epoch {@code number}, counted from 0. Each iterator begins it anew and does not advance {@link #iterator}.
   *
   * @throws IllegalArgumentException if {@code number} is negative
   */
  public Iterable<Batch> epoch(int number) {
    require(number >= 0, "epoch " + number + "; epochs are counted from 0");
    return () -> begin(number);
  }

  /**
   * The next epoch: the first call on this loader gives epoch 0, the second epoch 1, and so on. An iterator throws
   * {@link DataLoadingException} from {@code next} with the number of the batch when the dataset fails, and then goes
   * on with the batch after it; or when the thread is interrupted while it waits, with the interrupt status set and no
   * batch lost.
   */
  @Override
  public Iterator<Batch> iterator() {
    return begin(nextEpoch.getAndIncrement());
  }

  private Iterator<Batch> begin(int number) {
    int[] order = settings.shuffled ? Permutation.of((int) dataset.size(), settings.seed, number) : null;
    EpochPlan plan = new EpochPlan(dataset, order, (int) samples(), batchSize, batches(), number);
    return new EpochIterator(plan, settings.prefetch, settings.workers, settings.reusing);
  }
}
