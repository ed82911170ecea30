package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpellingTest {
  @Test
  void editsAndExchangesOfNeighboursCountOne() {
    assertThat(Spelling.distance("mlp", "mlp")).isZero();
    assertThat(Spelling.distance("mpl", "mlp")).isEqualTo(1);
    assertThat(Spelling.distance("", "mlp")).isEqualTo(3);
    assertThat(Spelling.distance("kitten", "sitting")).isEqualTo(3);
  }

  @Test
  void onlyANearWordIsSuggested() {
    assertThat(Spelling.suggestion("logistik", List.of("xor", "logistic"))).isEqualTo("; did you mean 'logistic'?");
    assertThat(Spelling.suggestion("gpt", List.of("xor", "logistic"))).isEmpty();
  }
}
