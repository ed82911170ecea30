package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class NormalizeTest {
  private static final long SEED = 11;
  /** Both sides compute in double and differ by the order of their sums; storing an input as F32 hides nothing. */
  private static final double TOLERANCE = 1e-6;

  record Case(Normalize op, Shape x, Shape weight) {
  }

  static Stream<Case> cases() {
    return Stream.of(
        new Case(new Normalize(List.of(0, 2, 3), 1e-5, true), Shape.of(3, 4, 2, 5), Shape.of(1, 4, 1, 1)),
        new Case(new Normalize(List.of(0), 1e-3, true), Shape.of(6, 4), Shape.of(1, 4)),
        new Case(new Normalize(List.of(1), 1e-5, true), Shape.of(3, 7), Shape.of(1, 7)),
        new Case(new Normalize(List.of(1, 2), 1e-5, false), Shape.of(3, 4, 5), Shape.of(1, 1, 1)),
        new Case(new Normalize(List.of(2, 3), 1e-5, true), Shape.of(2, 3, 4, 5), Shape.of(1, 3, 4, 1)));
  }

  /** y, mean, variance, and the gradients of the inputs for a random gradient of y. */
  private static List<float[]> results(Case c, Set<Class<? extends Composite>> claimed) {
    Device device = new Device(new ReferenceBackend(claimed));
    Random random = new Random(SEED);
    List<Tensor> in = new ArrayList<>(List.of(normal(device, random, 3, c.x).requireGrad()));
    if (c.op.affine()) {
      in.add(normal(device, random, 0, c.weight).requireGrad());
      in.add(normal(device, random, 0, c.weight).requireGrad());
    }
    Tensor direction = normal(device, random, 0, c.x);
    List<float[]> values = new ArrayList<>();
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), null, null)) {
      List<Tensor> out = Execution.run(c.op, in.toArray(Tensor[]::new));
      assertThat(out.stream().map(Tensor::requiresGrad)).as("statistics are constants").containsExactly(true, false,
          false);
      out.forEach(t -> values.add(t.toArray()));
      Gradients gradients = Gradients.of(out.get(0).mul(direction).sum());
      in.forEach(t -> values.add(gradients.get(t).toArray()));
    }
    return values;
  }

  private static Tensor normal(Device device, Random random, double mean, Shape shape) {
    float[] v = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) (mean + random.nextGaussian());
    }
    return Tensor.persistent(device, HostArray.of(v, shape.dims()), "test");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theDecompositionAgreesWithTheComposite(Case c) {
    List<float[]> twin = results(c, Set.of());
    for (Set<Class<? extends Composite>> claimed : List.<Set<Class<? extends Composite>>>of(
        Set.of(Normalize.class, NormalizeGrad.class), Set.of(Normalize.class))) {
      List<float[]> got = results(c, claimed);
      assertThat(got).hasSameSizeAs(twin);
      for (int k = 0; k < got.size(); k++) {
        for (int i = 0; i < got.get(k).length; i++) {
          assertThat((double) got.get(k)[i]).as("result %d at %d, claimed %s, seed %d", k, i, claimed, SEED)
              .isCloseTo(twin.get(k)[i], within(TOLERANCE * Math.max(1, Math.abs(twin.get(k)[i]))));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientsAgreeWithFiniteDifferences(Case c) {
    GradientCheck.check(in -> Execution.one(c.op, in.toArray(Tensor[]::new)),
        c.op.affine() ? new int[][] {c.x.dims(), c.weight.dims(), c.weight.dims()} : new int[][] {c.x.dims()});
  }

  @Test
  void aRowIsBroughtToMeanZeroAndVarianceOneThenScaledAndShifted() {
    Device device = new Device(new ReferenceBackend());
    Tensor x = Tensor.of(device, new float[] {1, 2, 3, 6}, 1, 4);
    List<Tensor> out = Execution.run(new Normalize(List.of(1), 0.5, true), x,
        Tensor.of(device, new float[] {1, 1, 2, 2}, 1, 4), Tensor.of(device, new float[] {0, 0, 1, 1}, 1, 4));
    assertThat(out.get(1).toArray()).containsExactly(3);
    assertThat(out.get(2).toArray()).as("the biased variance, without eps").containsExactly(3.5f);
    assertThat(out.get(0).toArray()).containsExactly(-1, -0.5f, 1, 4);
  }

  @Test
  void noGradientFlowsToStatistics() {
    Device device = new Device(new ReferenceBackend());
    Tensor x = Tensor.ones(device, 2, 4).requireGrad();
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), null, null)) {
      Tensor mean = Execution.run(new Normalize(List.of(0, 1), 1e-5, false), x).get(1);
      assertThatThrownBy(() -> Gradients.of(mean)).isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("no gradient flows");
    }
  }

  @Test
  void operandsThatDoNotFitAreNamed() {
    Device device = new Device(new ReferenceBackend());
    Tensor x = Tensor.ones(device, 2, 3);
    Normalize op = new Normalize(List.of(0), 1e-5, true);
    Tensor flat = Tensor.ones(device, 3);
    assertThatThrownBy(() -> Execution.run(op, x, flat, flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("rank of x");
    Tensor weight = Tensor.ones(device, 1, 3);
    assertThatThrownBy(() -> Execution.run(op, x, weight, x)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("shape of the weight");
    assertThatThrownBy(() -> Execution.run(op, Tensor.ones(device, 0, 3), weight, weight))
        .isInstanceOf(ShapeException.class).hasMessageContaining("no mean of no elements");
    for (double eps : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> new Normalize(List.of(0), eps, true)).isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("eps");
    }
    assertThat(new Normalize(List.of(2, 0, 2), 1e-5, false))
        .isEqualTo(new Normalize(Arrays.asList(0, 2), 1e-5f, false));
  }
}
