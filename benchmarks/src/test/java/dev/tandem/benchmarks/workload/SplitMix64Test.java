package dev.tandem.benchmarks.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class SplitMix64Test {
  /** Published as the first outputs of the generator from state 1; {@code generator.py} fails if it has others. */
  private static final long[] FIRST = {0x910A2DEC89025CC1L, 0xBEEB8DA1658EEC67L, 0xF893A2EEFB32555EL};

  private final SplitMix64 generator = new SplitMix64(1);

  @Test
  void bitsAreThoseOfSplitmix64() {
    for (int i = 0; i < FIRST.length; i++) {
      assertThat(generator.bits(i)).isEqualTo(FIRST[i]);
    }
  }

  @Test
  void floatsAreTheHighestBits() {
    assertThat(generator.floats(3).toDoubles()).containsExactly(0x910A2Dp-24, 0xBEEB8Dp-24, 0xF893A2p-24);
  }

  @Test
  void integersAreBelowTheirBound() {
    assertThat(generator.integers(96, 3).toInts()).containsExactly(86, 48, 87);
    assertThat(Arrays.stream(generator.integers(10, 1000).toInts()).distinct().sorted()).containsExactly(0, 1, 2, 3, 4,
        5, 6, 7, 8, 9);
  }

  @Test
  void thePeerChecksTheSameConstants() throws IOException {
    String peer = Files.readString(Path.of("peers", "pytorch", "generator.py"));
    for (long bits : FIRST) {
      assertThat(peer).contains("0x" + HexFormat.of().toHexDigits(bits).toUpperCase(Locale.ROOT));
    }
    assertThat(peer).contains("FIRST_INTEGERS = 86, 48, 87");
  }
}
