package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
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
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayersTest {
  private final Device device = new Device(new ReferenceBackend());

  @Test
  void linearMultipliesByTheTransposedWeightAndAddsTheBias() {
    Linear layer = new Linear(3, 2);
    layer.on(device, 1);
    layer.loadState(Map.of("weight", HostArray.of(new float[] {1, 2, 3, -1, 0, 1}, 2, 3), "bias",
        HostArray.of(new float[] {10, 20}, 2)));
    Tensor x = Tensor.of(device, new float[] {1, 1, 1, 2, 0, 1}, 2, 3);
    assertThat(layer.apply(x).toArray()).containsExactly(16, 20, 15, 19);
    assertThat(layer.apply(x.select(0, 1)).toArray()).containsExactly(15, 19);
    Tensor sequences = layer.apply(x.reshape(2, 1, 1, 3));
    assertThat(sequences.shape().dims()).containsExactly(2, 1, 1, 2);
    assertThat(sequences.toArray()).containsExactly(16, 20, 15, 19);
  }

  @Test
  void linearStartsAsPyTorchDoes() {
    Linear layer = new Linear(16, 400);
    layer.on(device, 42);
    assertThat(layer.state().keySet()).containsExactly("weight", "bias");
    assertThat(layer.parameters().get("weight").shape().dims()).containsExactly(400, 16);
    for (Parameter p : layer.parameters().values()) {
      float[] values = p.tensor().toArray();
      Arrays.sort(values);
      assertThat(values[0]).isBetween(-0.25f, -0.24f);
      assertThat(values[values.length - 1]).isBetween(0.24f, 0.25f);
    }
  }

  @Test
  void linearTakesOtherInitialisersAndNoBias() {
    Linear bare = new Linear(3, 2, false, Initializers.ones());
    bare.on(device, 1);
    assertThat(bare.state().keySet()).containsExactly("weight");
    assertThat(bare.apply(Tensor.ones(device, 1, 3)).toArray()).containsExactly(3, 3);
    Linear layer = new Linear(3, 2, Initializers.ones(), Initializers.constant(4));
    layer.on(device, 1);
    assertThat(layer.apply(Tensor.ones(device, 1, 3)).toArray()).containsExactly(7, 7);
  }

  @Test
  void linearGradientsAgreeWithFiniteDifferences() {
    GradientCheck.check(new Linear(4, 3), 5, 4);
    GradientCheck.check(new Linear(4, 3, false), 2, 3, 4);
  }

  @Test
  void linearNamesTheDisagreeingFeaturesAndHints() {
    Module model = new Sequential(new Relu(), new Linear(12, 2)).on(device, 1);
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 2, 8))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.1").hasMessageContaining("8").hasMessageContaining("12");
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 2, 3, 4))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.1").hasMessageContaining("put a Flatten before this layer");
    assertThatThrownBy(() -> new Linear(0, 2)).isInstanceOf(ShapeException.class).hasMessageContaining("positive");
  }

  @Test
  void flattenKeepsTheAxesBeforeItsFirst() {
    Tensor x = Tensor.ones(device, 2, 3, 4, 5);
    assertThat(new Flatten().on(device, 1).apply(x).shape().dims()).containsExactly(2, 60);
    assertThat(new Flatten(2).on(device, 1).apply(x).shape().dims()).containsExactly(2, 3, 20);
    GradientCheck.check(new Sequential(new Flatten(), new Identity(), new Linear(6, 2)), 2, 3, 2);
  }

  @Test
  void dropoutZeroesAShareAndKeepsTheMean() {
    int n = 10_000;
    double p = 0.3;
    float[] y = dropped(new Dropout(p), Tensor.ones(device, n));
    int zeros = 0;
    for (float v : y) {
      assertThat(v == 0 || Math.abs(v - 1 / 0.7) < 1e-6).isTrue();
      zeros += v == 0 ? 1 : 0;
    }
    // Five standard deviations of a binomial count.
    assertThat((double) zeros).isCloseTo(n * p, within(5 * Math.sqrt(n * p * (1 - p))));
  }

  @Test
  void dropoutPassesTheGradientWhereItPassedTheValue() {
    Dropout layer = new Dropout(0.5);
    Tensor x = Tensor.ones(device, 100).requireGrad();
    try (Scope _ = step()) {
      Tensor y = layer.on(device, 1).apply(x);
      Tensor g = Gradients.of(y.sum()).get(x);
      assertThat(g).isNotNull();
      assertThat(g.toArray()).isEqualTo(y.toArray());
    }
    GradientCheck.check(new Sequential(new Dropout(0.4), new Linear(5, 3), new Dropout(0.2)), 6, 5);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1})
  void dropoutOfNothingOrEverythingHasFiniteGradients(double p) {
    Tensor x = Tensor.of(device, new float[] {1, -2, 3}, 3).requireGrad();
    try (Scope _ = step()) {
      Tensor y = new Dropout(p).on(device, 1).apply(x);
      Tensor g = Gradients.of(y.mul(2).sum()).get(x);
      assertThat(y.toArray()).containsExactly(p == 0 ? new float[] {1, -2, 3} : new float[3]);
      assertThat(g).isNotNull();
      assertThat(g.toArray()).containsOnly(p == 0 ? 2 : 0);
    }
  }

  @Test
  void dropoutDoesNothingInInference() {
    Tensor x = Tensor.of(device, new float[] {1, -2, 3}, 3);
    assertThat(new Dropout(0.9).on(device, 1).apply(x).toArray()).containsExactly(1, -2, 3);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void dropoutRefusesWhatIsNoProbability(double p) {
    assertThatThrownBy(() -> new Dropout(p)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("between 0 and 1");
  }

  @Test
  void twoDropoutsOfAStepDrawDifferentMasks() {
    Tensor x = Tensor.ones(device, 64);
    try (Scope _ = step()) {
      Module model = new Sequential(new Dropout(0.5), new Dropout(0.5)).on(device, 1);
      float[] y = model.apply(x).toArray();
      assertThat(y).contains(4).contains(0);
      int kept = 0;
      for (float v : y) {
        kept += v != 0 ? 1 : 0;
      }
      // A quarter is kept; half if both masks were one.
      assertThat(kept).isLessThan(32 - 8);
    }
  }

  private float[] dropped(Dropout layer, Tensor x) {
    layer.on(device, 1);
    try (Scope _ = step()) {
      return layer.apply(x).toArray();
    }
  }

  private Scope step() {
    RandomState random = new RandomState(device, 3);
    random.beginStep(1);
    return Scope.training(device, new StepArena(device, "test"), new Tape(), random, null);
  }
}
