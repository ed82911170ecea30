package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Tape;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class RandomTest {
  private final Device device = new Device(new ReferenceBackend());

  private float[] inStep(long seed, int step, Supplier<Tensor> body) {
    RandomState random = new RandomState(device, seed);
    random.beginStep(step);
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), random, null)) {
      return body.get().toArray();
    }
  }

  @Test
  void equalSeedsAndStepsDrawEqualNumbers() {
    for (Supplier<Tensor> draw : Arrays.<Supplier<Tensor>>asList(() -> Tensor.uniform(device, 3, 5),
        () -> Tensor.normal(device, 3, 5))) {
      float[] first = inStep(42, 1, draw);
      assertThat(inStep(42, 1, draw)).isEqualTo(first);
      assertThat(inStep(43, 1, draw)).doesNotContain(first);
      assertThat(inStep(42, 2, draw)).doesNotContain(first);
    }
  }

  @Test
  void theDrawsOfAStepDiffer() {
    float[] both = inStep(1, 1, () -> Tensor.concat(0, Tensor.uniform(device, 100), Tensor.uniform(device, 100)));
    assertThat(both).doesNotHaveDuplicates();
    Supplier<Tensor> second = () -> {
      Tensor.normal(device, 7);
      return Tensor.uniform(device, 100);
    };
    assertThat(inStep(1, 1, second)).isEqualTo(Arrays.copyOfRange(both, 100, 200));
  }

  @Test
  void anElementDependsOnItsPositionNotOnTheShape() {
    float[] few = inStep(5, 3, () -> Tensor.uniform(device, 7));
    assertThat(Arrays.copyOf(inStep(5, 3, () -> Tensor.uniform(device, 4, 5)), 7)).isEqualTo(few);
  }

  @Test
  void uniformNumbersFillTheUnitInterval() {
    float[] x = inStep(7, 1, () -> Tensor.uniform(device, 100, 100));
    double[] moments = new double[2];
    int[] tenths = new int[10];
    for (float v : x) {
      assertThat(v).isBetween(0f, Math.nextDown(1f));
      moments[0] += v / x.length;
      moments[1] += (v - 0.5) * (v - 0.5) / x.length;
      tenths[(int) (v * 10)]++;
    }
    // Five standard deviations of 10,000 draws: of the mean sqrt(1/12)/100, of the variance sqrt(1/180)/100, of a count 30.
    assertThat(moments[0]).isCloseTo(0.5, within(0.0145));
    assertThat(moments[1]).isCloseTo(1 / 12.0, within(0.0038));
    for (int count : tenths) {
      assertThat(count).isBetween(850, 1150);
    }
  }

  @Test
  void normalNumbersHaveTheMomentsOfTheNormalDistribution() {
    float[] x = inStep(8, 1, () -> Tensor.normal(device, 10_000));
    double[] moments = new double[5];
    int beyondTwo = 0;
    for (float v : x) {
      for (int k = 1; k < 5; k++) {
        moments[k] += Math.pow(v, k) / x.length;
      }
      beyondTwo += Math.abs(v) > 2 ? 1 : 0;
    }
    // Five standard deviations of 10,000 draws: sqrt(Var(x^k))/100 with variances 1, 2, 15, 96.
    assertThat(moments[1]).isCloseTo(0, within(0.05));
    assertThat(moments[2]).isCloseTo(1, within(0.071));
    assertThat(moments[3]).isCloseTo(0, within(0.194));
    assertThat(moments[4]).isCloseTo(3, within(0.49));
    assertThat(beyondTwo).isBetween(350, 560);
  }

  @Test
  void numbersAreF32OfTheShapeAskedFor() {
    Supplier<Tensor> check = () -> {
      Tensor t = Tensor.normal(device, 2, 0, 3);
      assertThat(t.shape()).isEqualTo(Shape.of(2, 0, 3));
      assertThat(t.dtype()).isEqualTo(DType.F32);
      assertThat(t.requiresGrad()).isFalse();
      return Tensor.uniform(device);
    };
    assertThat(inStep(1, 1, check)).hasSize(1);
  }

  @Test
  void outsideAStepThereAreNoRandomNumbers() {
    String message = "a random tensor works only inside a training step; run it in the body of a TrainStep";
    assertThatThrownBy(() -> Tensor.uniform(device, 2)).isInstanceOf(IllegalStateException.class).hasMessage(message);
    try (Scope _ = Scope.inference(device)) {
      assertThatThrownBy(() -> Tensor.normal(device, 2)).isInstanceOf(IllegalStateException.class).hasMessage(message);
    }
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, null)) {
      assertThatThrownBy(() -> Tensor.uniform(device, 2)).isInstanceOf(IllegalStateException.class)
          .hasMessage("random numbers are drawn only inside a training step");
    }
  }
}
