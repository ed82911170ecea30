package dev.tandem.core.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.Trace;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One composite three ways: decomposed, its forward claimed by the backend, its gradient too. */
class CompositeGradientsTest {
  private static final int[] LABELS = {2, 0, 0, 3, -1};
  private static final float[] LOGITS =
      {0.5f, -1, 2, 0.25f, 3, 1, -2, 0, -1.5f, 0, 0.75f, 100, 1, 2, 3, 4, 0, -0.5f, -100, 1};

  static List<Set<Class<? extends Composite>>> claims() {
    return List.of(Set.of(), Set.of(SoftmaxCrossEntropy.class),
        Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class));
  }

  @Test
  void theDecompositionAgreesWithFiniteDifferences() {
    GradientCheck.check(
        in -> Execution.one(new SoftmaxCrossEntropy(), in.get(0), Tensor.of(in.get(0).device(), LABELS, 5)),
        new int[] {5, 4});
  }

  @ParameterizedTest
  @MethodSource("claims")
  void lossesAndGradientsAreThoseOfTheFormula(Set<Class<? extends Composite>> claimed) {
    Device device = new Device(new ReferenceBackend(claimed));
    Tensor logits = Tensor.of(device, LOGITS, 5, 4).requireGrad();
    Tensor weights = Tensor.of(device, new float[] {1, 2, -3, 0.5f, 4}, 5);
    Trace trace = new Trace();
    float[] losses;
    float[] gradients;
    try (Scope scope = Scope.training(device, new StepArena(device, "step"), new Tape(), null, trace)) {
      // What is made in a frame is freed when it ends, unless the gradient reads it.
      Tensor loss = scope.frame("model",
          () -> Execution.one(new SoftmaxCrossEntropy(), logits.mul(1), Tensor.of(device, LABELS, 5)),
          t -> new ArrayList<>(List.of(t)));
      losses = loss.toArray();
      gradients = Gradients.of(loss.mul(weights).sum()).get(logits).toArray();
    }
    for (int n = 0; n < 5; n++) {
      double sum = 0;
      for (int c = 0; c < 4; c++) {
        sum += Math.exp(LOGITS[4 * n + c]);
      }
      double picked = LABELS[n] < 0 ? 0 : LOGITS[4 * n + LABELS[n]];
      // fp32 results of a double computation.
      assertThat((double) losses[n]).isCloseTo(Math.log(sum) - picked, within(1e-5));
      for (int c = 0; c < 4; c++) {
        double probability = Math.exp(LOGITS[4 * n + c]) / sum;
        double expected = weights.toArray()[n] * (probability - (LABELS[n] == c ? 1 : 0));
        assertThat((double) gradients[4 * n + c]).as("row %s, class %s", n, c).isCloseTo(expected, within(1e-6));
      }
    }
    List<Class<?>> executed = trace.calls().stream().<Class<?>>map(c -> c.op().getClass()).toList();
    assertThat(executed.contains(SoftmaxCrossEntropy.class)).isEqualTo(claimed.contains(SoftmaxCrossEntropy.class));
    assertThat(executed.contains(SoftmaxCrossEntropyGrad.class))
        .isEqualTo(claimed.contains(SoftmaxCrossEntropyGrad.class));
  }

  @ParameterizedTest
  @MethodSource("claims")
  void logitsMayBeUsedElsewhereToo(Set<Class<? extends Composite>> claimed) {
    Device device = new Device(new ReferenceBackend(claimed));
    Tensor x = Tensor.of(device, new float[] {0, 0}, 1, 2).requireGrad();
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, null)) {
      Tensor loss = Execution.one(new SoftmaxCrossEntropy(), x, Tensor.of(device, new int[] {1}, 1));
      Gradients g = Gradients.of(loss.add(x.mul(3).sum(1)).add(x.select(1, 0)));
      assertThat(g.get(x).toArray()).containsExactly(4.5f, 2.5f);
    }
  }

  @ParameterizedTest
  @MethodSource("claims")
  void doublesStayDoubles(Set<Class<? extends Composite>> claimed) {
    Device device = new Device(new ReferenceBackend(claimed));
    Tensor logits = Tensor.of(device, HostArray.of(new double[] {0.1, 0.2, 0.3}, 1, 3)).requireGrad();
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, null)) {
      Tensor loss = Execution.one(new SoftmaxCrossEntropy(), logits, Tensor.of(device, new int[] {2}, 1));
      double sum = Math.exp(0.1) + Math.exp(0.2) + Math.exp(0.3);
      assertThat(loss.itemAsDouble()).isCloseTo(Math.log(sum) - 0.3, within(1e-15));
      double[] gradient = Gradients.of(loss).get(logits).toHost().toDoubles();
      assertThat(gradient).containsExactly(
          new double[] {Math.exp(0.1) / sum, Math.exp(0.2) / sum, Math.exp(0.3) / sum - 1}, within(1e-15));
    }
  }
}
