package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultiMarginLossTest {
  private static final float[][] SCORES = {{1, 0.5f, -2}, {0.25f, 3, 2.75f}, {0, 0, 5}, {-1, 4, 1}};
  private static final int[] LABELS = {0, 2, 2, 0};

  private final Device device = new Device(new ReferenceBackend());

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void valuesAreThoseOfTheFormulaInEachReduction(int power) {
    double margin = 0.75;
    double sum = 0;
    double[] expected = new double[4];
    float[] flat = new float[12];
    for (int n = 0; n < 4; n++) {
      for (int c = 0; c < 3; c++) {
        flat[n * 3 + c] = SCORES[n][c];
        if (c != LABELS[n]) {
          expected[n] += Math.pow(Math.max(0, margin - SCORES[n][LABELS[n]] + SCORES[n][c]), power) / 3;
        }
      }
      sum += expected[n];
    }
    Tensor x = Tensor.of(device, flat, 4, 3);
    Tensor y = Tensor.of(device, LABELS, 4);
    assertThat(Losses.multiMargin(power, margin, Reduction.NONE).apply(x, y).toHost().toDoubles())
        .containsExactly(expected, within(1e-6));
    assertThat((double) Losses.multiMargin(power, margin, Reduction.SUM).apply(x, y).item()).isCloseTo(sum,
        within(1e-6));
    Tensor mean = Losses.multiMargin(power, margin, Reduction.MEAN).apply(x, y);
    assertThat(mean.shape().isScalar()).isTrue();
    assertThat((double) mean.item()).isCloseTo(sum / 4, within(1e-6));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void gradientsAgreeWithFiniteDifferences(int power) {
    for (Reduction r : Reduction.values()) {
      GradientCheck.check(in -> Losses.multiMargin(power, 1, r).apply(in.getFirst(),
          Tensor.of(in.getFirst().device(), new int[] {0, 3, 2, 3, 1}, 5)), new int[] {5, 4});
    }
  }

  @Test
  void mistakesAreExplained() {
    Tensor x = Tensor.zeros(device, 4, 3);
    assertThatThrownBy(() -> Losses.multiMargin().apply(x, Tensor.zeros(device, 4)))
        .hasMessage("multiMargin of F32[4, 3] against F32[4]: the target must be I32 labels [4], one for each row");
    assertThatThrownBy(() -> Losses.multiMargin().apply(Tensor.zeros(device, 4), Tensor.of(device, new int[4], 4)))
        .hasMessageContaining("scores [N, C]");
    assertThatThrownBy(() -> Losses.multiMargin(3, 1, Reduction.MEAN)).hasMessageContaining("1 or 2");
    assertThatThrownBy(() -> Losses.multiMargin(1, 0, Reduction.MEAN)).hasMessageContaining("positive");
  }
}
