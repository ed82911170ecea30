package dev.tandem.core.placeholder;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.testing.Fixture;
import org.junit.jupiter.api.Test;

class PlaceholderTest {
  @Test
  void runsOn25() {
    assertThat(Fixture.feature()).isGreaterThanOrEqualTo(25);
    assertThat(new Placeholder("ab").length()).isEqualTo(2);
    assertThat(ModuleLayer.boot().findModule("jdk.incubator.vector")).isEmpty();
  }
}
