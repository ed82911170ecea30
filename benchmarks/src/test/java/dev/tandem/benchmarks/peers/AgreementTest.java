package dev.tandem.benchmarks.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class AgreementTest {
  private static double error(float[] ours, float[] theirs) {
    return Agreement.error(List.of(new float[] {1}, ours), List.of(new float[] {1}, theirs));
  }

  @Test
  void theWorstElementOfTheWorstArrayCounts() {
    assertThat(error(new float[] {4, 1}, new float[] {4, 1})).isZero();
    assertThat(error(new float[] {4, 1}, new float[] {4, 1.5f})).isCloseTo(0.125, within(1e-9));
  }

  @Test
  void whatCannotBeComparedDoesNotAgree() {
    assertThat(error(new float[] {1}, new float[] {Float.NaN})).isInfinite();
    assertThat(error(new float[] {Float.NaN}, new float[] {Float.NaN})).isInfinite();
    assertThat(error(new float[] {1}, new float[] {1, 2})).isInfinite();
    assertThat(Agreement.error(List.of(), List.of(new float[0]))).isInfinite();
  }
}
