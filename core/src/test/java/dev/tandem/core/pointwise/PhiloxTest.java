package dev.tandem.core.pointwise;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {
  private static int[] words(int k0, int k1, int c0, int c1, int c2, int c3) {
    int[] words = new int[4];
    Philox.words((long) k1 << 32 | k0 & 0xFFFFFFFFL, c0, c1, c2, c3, words);
    return words;
  }

  /** Random123, kat_vectors, philox4x32 with 10 rounds. */
  @Test
  void knownAnswers() {
    assertThat(words(0, 0, 0, 0, 0, 0)).containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertThat(words(-1, -1, -1, -1, -1, -1)).containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(words(0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344)).containsExactly(
        0xd16cfe09, 0x94fdcceb,
        0x5001e420, 0x24126ea1);
  }

  /** Element, step, salt, high half of the element: each has its own word of the counter. */
  @Test
  void theCounterIsMadeOfElementStepAndSalt() {
    long key = 0x299f31d0a4093822L;
    long element = (0x0_0370_7344L << 32 | 0x243f6a88L) * 4;
    int[] words = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    for (int i = 0; i < 4; i++) {
      assertThat(Philox.uniform(key, 0x85a308d3, 0x13198a2e, element + i)).isEqualTo((words[i] >>> 8) * 0x1p-24f);
    }
  }

  @Test
  void drawsOfAnyLengthFromAnyElementAgree() {
    float[] all = new float[101];
    Philox.uniform(42, 7, 3, 0, all, 0, all.length);
    for (int from = 0; from < 9; from++) {
      for (int n = 0; n < 12; n++) {
        float[] part = new float[n + 2];
        Philox.uniform(42, 7, 3, from, part, 1, n);
        assertThat(part[0]).isZero();
        assertThat(part[n + 1]).isZero();
        for (int i = 0; i < n; i++) {
          assertThat(part[i + 1]).isEqualTo(all[from + i]).isEqualTo(Philox.uniform(42, 7, 3, from + i));
        }
      }
    }
  }

  @Test
  void numbersLieInTheUnitIntervalAndFillIt() {
    float[] u = new float[100_000];
    Philox.uniform(1, 2, 3, 0, u, 0, u.length);
    double sum = 0;
    double squares = 0;
    for (float v : u) {
      assertThat(v).isGreaterThanOrEqualTo(0).isLessThan(1);
      sum += v;
      squares += (v - 0.5) * (v - 0.5);
    }
    // Mean 1/2 and variance 1/12; five standard errors.
    assertThat(sum / u.length).isBetween(0.5 - 5 * Math.sqrt(1 / 12.0 / u.length),
        0.5 + 5 * Math.sqrt(1 / 12.0 / u.length));
    assertThat(squares / u.length).isBetween(1 / 12.0 - 5 * Math.sqrt(1 / 180.0 / u.length),
        1 / 12.0 + 5 * Math.sqrt(1 / 180.0 / u.length));
  }
}
