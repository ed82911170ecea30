package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Seeds give the values that they have always given. */
class SplitMix64Test {
  @Test
  void drawsTheNumbersOfSplittableRandom() {
    for (long seed : new long[] {0, 1, -1, 42, Long.MIN_VALUE, 0x123456789ABCDEFL}) {
      var random = new SplitMix64(seed);
      var expected = new SplittableRandom(seed);
      for (int i = 0; i < 100; i++) {
        assertThat(random.nextDouble()).as("seed %d", seed).isEqualTo(expected.nextDouble());
        assertThat(random.nextLong()).as("seed %d", seed).isEqualTo(expected.nextLong());
        assertThat(random.nextInt()).as("seed %d", seed).isEqualTo(expected.nextInt());
        assertThat(random.nextGaussian()).as("seed %d", seed).isEqualTo(expected.nextGaussian());
        assertThat(random.nextInt(7)).as("seed %d", seed).isEqualTo(expected.nextInt(7));
      }
    }
  }

  @Test
  void fillsWithTheNumbersThatItDraws() {
    for (long seed : new long[] {0, -1, 42}) {
      var random = new SplitMix64(seed);
      var expected = new SplittableRandom(seed);
      float[] values = new float[9];
      random.uniform(values, 2, 5, -0.3, 1.7);
      for (int i = 0; i < values.length; i++) {
        assertThat(values[i]).as("seed %d, element %d", seed, i)
            .isEqualTo(i < 2 || i >= 7 ? 0 : (float) (-0.3 + (1.7 - -0.3) * expected.nextDouble()));
      }
      assertThat(random.nextLong()).as("seed %d, after it", seed).isEqualTo(expected.nextLong());
    }
  }
}
