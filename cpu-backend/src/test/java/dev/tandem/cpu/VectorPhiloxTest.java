package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.pointwise.Philox;
import org.junit.jupiter.api.Test;

class VectorPhiloxTest {
  @Test
  void hasTheBitsOfPhilox() {
    for (long key : new long[] {0, 42, -1, 0x0123_4567_89AB_CDEFL}) {
      for (long index : new long[] {0, 1, 2, 3, 5, 1000, (1L << 32) - 2, (1L << 34) - 37, (1L << 34) + 9, 1L << 45}) {
        for (int n : new int[] {1, 3, 4, 31, 64, 257}) {
          for (int counter : new int[] {0, 7, -9}) {
            float[] expected = new float[n];
            float[] got = new float[n];
            Philox.uniform(key, counter, counter * 31 - 5, index, expected, 0, n);
            VectorPhilox.uniform(key, counter, counter * 31 - 5, index, got, n);
            assertThat(got).as("key %d, index %d", key, index).isEqualTo(expected);
          }
        }
      }
    }
  }
}
