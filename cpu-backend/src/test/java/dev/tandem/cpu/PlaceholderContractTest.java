package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.testing.Fixture;
import org.junit.jupiter.api.Test;

class PlaceholderContractTest {
  @Test
  void runsOn25() {
    System.out.println(
        "java " + Fixture.feature() + ", vectors " + Placeholder.hasVectors() + ", lanes " + Placeholder.lanes());
    assertThat(Fixture.feature()).isGreaterThanOrEqualTo(25);
  }
}
