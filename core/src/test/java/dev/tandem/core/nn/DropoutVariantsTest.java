package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Tape;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DropoutVariantsTest {
  private final Device device = new Device(new ReferenceBackend());

  private float[] trained(Module layer, Tensor x) {
    RandomState random = new RandomState(device, 3);
    random.beginStep(1);
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), random, null)) {
      return layer.apply(x).toArray();
    }
  }

  /** Every run of {@code size} elements is kept or dropped together; the share of dropped ones. */
  private static double droppedTogether(float[] y, int size, float kept) {
    int dropped = 0;
    for (int i = 0; i < y.length; i++) {
      assertThat(y[i]).as("element %d", i).isEqualTo(y[i / size * size]);
      assertThat(y[i] == 0 || Math.abs(y[i] - kept) < 1e-6).isTrue();
      dropped += y[i] == 0 ? 1 : 0;
    }
    return (double) dropped / y.length;
  }

  @Test
  void dropout2dDropsWholeChannels() {
    float[] y = trained(new Dropout2d(0.25), Tensor.ones(device, 40, 50, 2, 3));
    // Five standard deviations of the share of 2000 channels.
    assertThat(droppedTogether(y, 6, 1 / 0.75f)).isCloseTo(0.25, within(5 * Math.sqrt(0.25 * 0.75 / 2000)));
    boolean differs = false;
    for (int c = 1; c < 50; c++) {
      differs |= y[c * 6] != y[0];
    }
    assertThat(differs).as("channels of one example are dropped one by one").isTrue();
    assertThatThrownBy(() -> trained(new Dropout2d(0.5), Tensor.ones(device, 2, 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("use Dropout");
  }

  @Test
  void dropPathDropsWholeExamples() {
    float[] y = trained(new DropPath(0.4), Tensor.ones(device, 2000, 3, 2));
    assertThat(droppedTogether(y, 6, 1 / 0.6f)).isCloseTo(0.4, within(5 * Math.sqrt(0.4 * 0.6 / 2000)));
  }

  @Test
  void alphaDropoutKeepsMeanZeroAndVarianceOne() {
    int n = 40_000;
    float[] x = new float[n];
    Random random = new Random(8);
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    float[] y = trained(new AlphaDropout(0.3), Tensor.of(device, HostArray.of(x, n)));
    double sum = 0;
    double squares = 0;
    double a = 1 / Math.sqrt(0.7 * (1 + 0.3 * 1.7580993408473766 * 1.7580993408473766));
    double b = a * 0.3 * 1.7580993408473766;
    int dropped = 0;
    for (int i = 0; i < n; i++) {
      sum += y[i];
      squares += y[i] * (double) y[i];
      double kept = a * x[i] + b;
      double saturated = b - a * 1.7580993408473766;
      boolean gone = Math.abs(y[i] - saturated) < 1e-5;
      assertThat(gone || Math.abs(y[i] - kept) < 1e-5).isTrue();
      dropped += gone ? 1 : 0;
    }
    assertThat((double) dropped / n).isCloseTo(0.3, within(5 * Math.sqrt(0.21 / n)));
    // Five standard errors: of the mean 1 / sqrt(n), of the square about sqrt(2 / n).
    assertThat(sum / n).isCloseTo(0, within(5 / Math.sqrt(n)));
    assertThat(squares / n).isCloseTo(1, within(5 * Math.sqrt(2.0 / n)));
  }

  @Test
  void inferenceAndProbabilityZeroChangeNothing() {
    Tensor x = Tensor.of(device, new float[] {1, -2, 3, 4}, 1, 2, 2);
    for (Module layer : new Module[] {new Dropout2d(0.9), new DropPath(0.9), new AlphaDropout(0.9)}) {
      assertThat(layer.apply(x).toArray()).containsExactly(1, -2, 3, 4);
    }
    for (Module layer : new Module[] {new Dropout2d(0), new DropPath(0), new AlphaDropout(0)}) {
      assertThat(trained(layer, x)).containsExactly(1, -2, 3, 4);
    }
    assertThat(trained(new Dropout2d(1), x.abs())).containsOnly(0);
    assertThat(trained(new DropPath(1), x.abs())).containsOnly(0);
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    GradientCheck.check(new Dropout2d(0.4), 3, 4, 2, 2);
    GradientCheck.check(new DropPath(0.4), 6, 3);
    GradientCheck.check(new AlphaDropout(0.4), 6, 5);
  }

  @Test
  void stepsAreReplayed() {
    ReplayCheck.check(() -> new Dropout2d(0.4), 3, 4, 2, 2);
    ReplayCheck.check(() -> new DropPath(0.4), 6, 3);
    ReplayCheck.check(() -> new AlphaDropout(0.4), 6, 5);
  }

  @Test
  void whatIsNoProbabilityIsRefused() {
    assertThatThrownBy(() -> new Dropout2d(1.5)).hasMessageContaining("between 0 and 1");
    assertThatThrownBy(() -> new DropPath(Double.NaN)).hasMessageContaining("between 0 and 1");
    assertThatThrownBy(() -> new AlphaDropout(1)).hasMessageContaining("below 1");
  }
}
