package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KlDivergenceTest {
  private static final float[] P = {0.5f, 0, 0.25f, 0.25f, 1, 0, 0, 0};
  private static final float[] LOG_Q = {-1, -2, -0.5f, -3, -0.25f, -4, -1, Float.NEGATIVE_INFINITY};

  private final Device device = new Device(new ReferenceBackend());

  private Tensor targets(boolean log) {
    float[] values = P.clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = log ? (float) Math.log(values[i]) : values[i];
    }
    return Tensor.of(device, values, 2, 4);
  }

  private static double term(int i) {
    return P[i] == 0 ? 0 : P[i] * (Math.log(P[i]) - LOG_Q[i]);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void valuesAreThoseOfTheFormulaAlsoWhereAProbabilityIsZero(boolean log) {
    Tensor x = Tensor.of(device, LOG_Q, 2, 4);
    float[] each = Losses.klDivergence(log, Reduction.NONE).apply(x, targets(log)).toArray();
    double sum = 0;
    for (int i = 0; i < P.length; i++) {
      assertThat((double) each[i]).isCloseTo(term(i), within(1e-6));
      sum += term(i);
    }
    assertThat((double) Losses.klDivergence(log, Reduction.SUM).apply(x, targets(log)).item()).isCloseTo(sum,
        within(1e-6));
    assertThat((double) Losses.klDivergence(log, Reduction.MEAN).apply(x, targets(log)).item()).as("over 2 examples")
        .isCloseTo(sum / 2, within(1e-6));
  }

  @Test
  void isZeroForEqualDistributions() {
    Tensor logits = Tensor.of(device, new float[] {1, 2, 3, -1, 0, 4}, 2, 3);
    assertThat((double) Losses.klDivergence().apply(logits.logSoftmax(1), logits.softmax(1)).item()).isCloseTo(0,
        within(1e-7));
  }

  @ParameterizedTest
  @EnumSource(Reduction.class)
  void gradientsAgreeWithFiniteDifferences(Reduction r) {
    GradientCheck.check(
        in -> Losses.klDivergence(false, r).apply(in.get(0).logSoftmax(1), in.get(1).softmax(1)), new int[] {3, 4},
        new int[] {3, 4});
    GradientCheck.check(
        in -> Losses.klDivergence(true, r).apply(in.get(0).logSoftmax(1), in.get(1).logSoftmax(1)), new int[] {3, 4},
        new int[] {3, 4});
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void gradientsAreFiniteWhereAProbabilityIsZero(boolean log) {
    for (float g : GradientCheck.gradient(
        x -> Losses.klDivergence(log, Reduction.SUM).apply(x, targets(log).to(x.device())), LOG_Q, 2, 4)) {
      assertThat(g).isFinite();
    }
    for (float g : GradientCheck.gradient(
        p -> Losses.klDivergence(log, Reduction.SUM).apply(Tensor.full(p.device(), -1, 2, 4), p),
        targets(log).toArray(), 2, 4)) {
      assertThat(g).isFinite();
    }
  }

  @Test
  void mistakesAreExplained() {
    Tensor number = Tensor.full(device, 1);
    assertThatThrownBy(() -> Losses.klDivergence().apply(number, number)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("the first axis must be that of examples");
    assertThatThrownBy(() -> Losses.klDivergence().apply(Tensor.zeros(device, 2, 3), Tensor.zeros(device, 3)))
        .hasMessageContaining("klDivergence of F32[2, 3] against F32[3]");
    assertThatThrownBy(() -> Losses.klDivergence().apply(Tensor.zeros(device, 0, 3), Tensor.zeros(device, 0, 3)))
        .hasMessageContaining("no mean");
  }
}
