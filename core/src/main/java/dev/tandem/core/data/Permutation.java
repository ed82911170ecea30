package dev.tandem.core.data;

import java.util.SplittableRandom;

/** The order of a shuffled epoch; {@link DataLoader} documents it. */
final class Permutation {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private Permutation() {}

  /** The permutation of {@code 0 … n - 1} that belongs to {@code (seed, epoch)}. */
  static int[] of(int n, long seed, int epoch) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    // Seeding with seed + epoch would make the epochs of one seed those of its neighbours; the state is advanced to
    // draw number `epoch` instead, and that draw seeds the generator of the epoch.
    long key = new SplittableRandom(seed + epoch * GOLDEN_GAMMA).nextLong();
    SplittableRandom random = new SplittableRandom(key);
    for (int i = n - 1; i > 0; i--) {
      // Only nextLong is used, whose sequence is the published SplitMix64; bounded draws of the JDK are not specified
      // to the bit.
      int j = (int) Math.unsignedMultiplyHigh(random.nextLong(), i + 1L);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  /** {@code size} as the length of an index array. */
  static int length(long size) {
    if (size < 0 || size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "a dataset of " + size + " samples; at most " + (Integer.MAX_VALUE - 8) + " can be ordered");
    }
    return (int) size;
  }
}
