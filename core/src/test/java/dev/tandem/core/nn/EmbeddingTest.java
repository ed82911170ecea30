package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EmbeddingTest {
  private final Device device = new Device(new ReferenceBackend());

  @Test
  void embeddingPicksTheRowOfEachIndex() {
    Embedding layer = new Embedding(3, 2);
    layer.on(device, 1);
    layer.loadState(Map.of("weight", HostArray.of(new float[] {0, 1, 10, 11, 20, 21}, 3, 2)));
    Tensor y = layer.apply(Tensor.of(device, new int[] {2, 0, 1, 1, 2, 2}, 1, 3, 2));
    assertThat(y.shape().dims()).containsExactly(1, 3, 2, 2);
    assertThat(y.toArray()).containsExactly(20, 21, 0, 1, 10, 11, 10, 11, 20, 21, 20, 21);
  }

  @Test
  void rowsBeginStandardNormalAndThePaddingRowAsZeros() {
    Embedding layer = new Embedding(200, 50, 7);
    layer.on(device, 1);
    float[] w = layer.state().get("weight").tensor().toArray();
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < w.length; i++) {
      assertThat(w[i] == 0).isEqualTo(i / 50 == 7);
      sum += w[i];
      squares += w[i] * w[i];
    }
    // Five standard deviations of the mean and of the variance of 9950 normal numbers.
    assertThat(sum / w.length).isCloseTo(0, within(0.05));
    assertThat(squares / w.length).isCloseTo(1 - 1 / 200.0, within(0.07));
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    Embedding layer = new Embedding(4, 3);
    GradientCheck.check(layer,
        in -> layer.apply(Tensor.of(layer.device(), new int[] {1, 3, 1, 0}, 2, 2)).mul(in.get(0)),
        new int[] {2, 2, 3});
  }

  /** Of a repeated row gradients add up; of the padding row there are none, whatever it holds. */
  @Test
  void paddingGetsNoGradientAndStaysAsItIs() {
    for (boolean zero : new boolean[] {true, false}) {
      Embedding layer = new Embedding(4, 2, 1);
      layer.on(device, 1);
      if (!zero) {
        layer.loadState(Map.of("weight", HostArray.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)));
      }
      float[] before = layer.state().get("weight").tensor().toArray();
      Optimizer optimizer = new Adam(0.1).on(layer);
      TrainStep step = TrainStep.of(optimizer, 1, in -> {
        Tensor y = layer.apply(in.get(0));
        Tensor loss = y.square().sum().add(y.sum());
        optimizer.update(Gradients.of(loss));
        return loss;
      });
      for (int k = 0; k < 10; k++) {
        step.run(Batch.of(HostArray.of(new int[] {0, 1, 1, 3, 0, k % 2 == 0 ? 1 : 2}, 3, 2)));
      }
      assertThat(step.state()).startsWith("replaying");
      float[] after = layer.state().get("weight").tensor().toArray();
      assertThat(Arrays.copyOfRange(after, 2, 4)).isEqualTo(Arrays.copyOfRange(before, 2, 4));
      assertThat(after[0]).isNotEqualTo(before[0]);
      assertThat(after[4]).isNotEqualTo(before[4]);
    }
  }

  @Test
  void mistakesAreNamed() {
    Module layer = new Sequential(new Embedding(4, 2)).on(device, 1);
    assertThatThrownBy(() -> layer.apply(Tensor.zeros(device, 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.0: Gather").hasMessageContaining("convert with to(DType.I32)");
    assertThatThrownBy(() -> layer.apply(Tensor.of(device, new int[] {1, 4}, 2)))
        .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("Sequential.0").hasMessageContaining("4");
    assertThatThrownBy(() -> new Embedding(0, 2)).isInstanceOf(ShapeException.class).hasMessageContaining("positive");
    assertThatThrownBy(() -> new Embedding(4, 2, 4)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("padding index 4 is none of the 4 symbols");
  }

  @Test
  void sinusoidalPositionsFollowTheirEquation() {
    Module layer = PositionalEncoding.sinusoidal(6, 10).on(device, 1);
    assertThat(layer.parameters()).isEmpty();
    assertThat(layer.state().keySet()).containsExactly("pe");
    float[] y = layer.apply(Tensor.ones(device, 2, 4, 6)).toArray();
    for (int i = 0; i < y.length; i++) {
      int position = i / 6 % 4;
      int feature = i % 6;
      double angle = position / Math.pow(10000, 2 * (feature / 2) / 6.0);
      assertThat((double) y[i]).isCloseTo(1 + (feature % 2 == 0 ? Math.sin(angle) : Math.cos(angle)), within(2e-7));
    }
  }

  @Test
  void learnedPositionsAreTrained() {
    Module layer = PositionalEncoding.learned(3, 5).on(device, 1);
    assertThat(layer.parameters().keySet()).containsExactly("weight");
    float[] w = layer.state().get("weight").tensor().toArray();
    assertThat(layer.apply(Tensor.zeros(device, 4, 3)).toArray()).isEqualTo(Arrays.copyOf(w, 12));
    GradientCheck.check(PositionalEncoding.learned(3, 5), 2, 4, 3);
    GradientCheck.check(PositionalEncoding.learned(3, 5), 2, 5, 3);
  }

  @Test
  void positionsNameWhatDoesNotFit() {
    Module layer = PositionalEncoding.learned(3, 5).on(device, 1);
    assertThatThrownBy(() -> layer.apply(Tensor.ones(device, 2, 6, 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("6 steps, but only 5 positions; make it with more");
    assertThatThrownBy(() -> layer.apply(Tensor.ones(device, 2, 5, 1))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("the input must be [..., T, 3]");
    assertThatThrownBy(() -> PositionalEncoding.learned(3, 0)).isInstanceOf(ShapeException.class);
  }
}
