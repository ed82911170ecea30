package dev.tandem.core.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * Plain descent with rate 1 moves by the clipped gradient itself. The gradients are {@code c (a - 0.5)} and {@code
 * c (b + 1)}.
 */
class ClippingTest {
  private static final double TOLERANCE = 1e-6;

  private final Device device = new Device(new ReferenceBackend());
  private final Bowl bowl = bowl();
  private final Optimizer optimizer = new Sgd(1).on(bowl);

  private Bowl bowl() {
    Bowl b = new Bowl();
    b.on(device, 1);
    return b;
  }

  /** A step that gives the norm of the gradients. */
  private TrainStep step(Function<Tensor, Gradients> gradients, double maxNorm) {
    return TrainStep.of(List.of(optimizer), 1, in -> {
      Clipping.Clipped clipped = Clipping.byNorm(gradients.apply(in.get(0)), maxNorm, bowl);
      optimizer.update(clipped.gradients());
      return List.of(clipped.norm());
    });
  }

  private static List<HostArray> factor(double c) {
    return List.of(HostArray.of(new float[] {(float) c}, 1));
  }

  private static double[] values(Tensor t) {
    return t.toHost().toDoubles();
  }

  private static double norm(double[]... parts) {
    double sum = 0;
    for (double[] part : parts) {
      for (double v : part) {
        sum += v * v;
      }
    }
    return Math.sqrt(sum);
  }

  private static double[] map(double[] p, BiFunction<Double, Integer, Double> f) {
    double[] r = new double[p.length];
    for (int i = 0; i < r.length; i++) {
      r[i] = f.apply(p[i], i);
    }
    return r;
  }

  @Test
  void aNormAboveTheLimitScalesAllGradientsAlike() {
    TrainStep step = step(c -> Gradients.of(bowl.apply(c)), 2);
    for (int t = 1; t <= 12; t++) {
      double c = (float) (t % 2 == 0 ? 0.05 : 0.9);
      double[] a = values(bowl.a.tensor());
      double[] b = values(bowl.b.tensor());
      double[] ga = map(a, (p, i) -> c * (p - 0.5));
      double[] gb = map(b, (p, i) -> c * (p + 1));
      double norm = norm(ga, gb);
      double scale = Math.min(1, 2 / norm);
      assertThat((double) step.runAll(factor(c)).get(0).item()).isCloseTo(norm, within(TOLERANCE));
      assertThat(values(bowl.a.tensor())).containsExactly(map(a, (p, i) -> p - scale * ga[i]), within(TOLERANCE));
      assertThat(values(bowl.b.tensor())).containsExactly(map(b, (p, i) -> p - scale * gb[i]), within(TOLERANCE));
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(bowl.unused.tensor().toArray()).startsWith(7, 7.25f);
  }

  @Test
  void whatEarlierStepsLeftOfOtherParametersDoesNotCount() {
    step(c -> Gradients.of(bowl.apply(c.mul(1000))), 1).runAll(factor(1));
    double[] a = values(bowl.a.tensor());
    double[] b = values(bowl.b.tensor());
    double[] ga = map(a, (p, i) -> 0.2 * p);
    TrainStep onlyA = step(c -> Gradients.of(bowl.a.tensor().square().sum().mul(0.1)), 0.01);
    assertThat((double) onlyA.runAll(factor(1)).get(0).item()).isCloseTo(norm(ga), within(TOLERANCE));
    assertThat(values(bowl.a.tensor())).containsExactly(map(a, (p, i) -> p - ga[i] * 0.01 / norm(ga)),
        within(TOLERANCE));
    assertThat(values(bowl.b.tensor())).containsExactly(b);
  }

  @Test
  void gradientsOfSeveralPassesAreClippedAsTheirSum() {
    double[] a = values(bowl.a.tensor());
    double[] b = values(bowl.b.tensor());
    double[] ga = map(a, (p, i) -> 3 * (p - 0.5) + 1);
    double[] gb = map(b, (p, i) -> 3 * (p + 1));
    TrainStep step = step(c -> {
      Gradients first = Gradients.of(bowl.apply(c));
      Gradients second = Gradients.of(bowl.apply(c.mul(2)));
      return first.plus(second).plus(Gradients.of(bowl.a.tensor().sum()));
    }, 0.5);
    assertThat((double) step.runAll(factor(1)).get(0).item()).isCloseTo(norm(ga, gb), within(TOLERANCE));
    double scale = 0.5 / norm(ga, gb);
    assertThat(values(bowl.a.tensor())).containsExactly(map(a, (p, i) -> p - scale * ga[i]), within(TOLERANCE));
    assertThat(values(bowl.b.tensor())).containsExactly(map(b, (p, i) -> p - scale * gb[i]), within(TOLERANCE));
  }

  @Test
  void otherModelsKeepTheirGradientsAndSharedOnesCountOnce() {
    Bowl other = bowl();
    Optimizer second = new Sgd(1).on(other);
    double[] b = values(other.b.tensor());
    TrainStep step = TrainStep.of(List.of(optimizer, second), 1, in -> {
      Gradients g = Gradients.of(bowl.apply(in.get(0)).add(other.apply(in.get(0))));
      Clipping.Clipped clipped = Clipping.byNorm(g, 0.5, bowl, bowl);
      optimizer.update(clipped.gradients());
      second.update(clipped.gradients());
      return List.of(clipped.norm(), Clipping.byNorm(g, 1e9, bowl, other).norm());
    });
    double norm = norm(map(values(bowl.a.tensor()), (p, i) -> p - 0.5), map(values(bowl.b.tensor()), (p, i) -> p + 1));
    List<Tensor> norms = step.runAll(factor(1));
    assertThat((double) norms.get(0).item()).isCloseTo(norm, within(TOLERANCE));
    assertThat((double) norms.get(1).item()).as("of the clipped and the other").isCloseTo(Math.hypot(0.5, norm),
        within(TOLERANCE));
    assertThat(values(other.b.tensor())).containsExactly(map(b, (p, i) -> -1.0), within(TOLERANCE));
  }

  @Test
  void elementsStayWithinTheLimit() {
    double[] a = values(bowl.a.tensor());
    double[] b = values(bowl.b.tensor());
    TrainStep step = TrainStep.of(optimizer, 1, in -> {
      Tensor loss = bowl.apply(in.get(0));
      optimizer.update(Clipping.byValue(Gradients.of(loss), 0.8, bowl));
      return loss;
    });
    for (int t = 1; t <= 4; t++) {
      step.run(Batch.of(factor(0.75).get(0)));
      a = map(a, (p, i) -> p - Math.clamp(0.75 * (p - 0.5), -0.8, 0.8));
      b = map(b, (p, i) -> p - Math.clamp(0.75 * (p + 1), -0.8, 0.8));
    }
    assertThat(values(bowl.a.tensor())).containsExactly(a, within(TOLERANCE));
    assertThat(values(bowl.b.tensor())).containsExactly(b, within(TOLERANCE));
    assertThat(step.state()).startsWith("replaying");
  }

  @Test
  void aGradientThatIsNoNumberIsNotHidden() {
    TrainStep step = step(c -> Gradients.of(bowl.apply(c)), 1);
    assertThat(step.runAll(factor(Double.NaN)).get(0).item()).isNaN();
    assertThat(bowl.a.tensor().toArray()).containsOnly(Float.NaN);
  }

  @Test
  void noGradientAtAllIsLeftAsItIs() {
    TrainStep step = step(c -> Gradients.of(bowl.apply(c)), 1);
    assertThat(step.runAll(factor(0)).get(0).item()).isZero();
    assertThat(bowl.a.tensor().toArray()).containsExactly(1, 1.25f, 1.5f);
  }

  @Test
  void mistakesAreExplained() {
    assertThatThrownBy(() -> step(c -> Gradients.of(bowl.apply(c)), 0).runAll(factor(1)))
        .hasMessage("gradients cannot be clipped to a norm of 0.0; it must be a positive number");
    Bowl other = bowl();
    assertThatThrownBy(() -> step(c -> Gradients.of(other.apply(c)), 1).runAll(factor(1)))
        .hasMessage("there is nothing to clip: no gradient is of a parameter of [Bowl]; pass the models that the loss "
            + "depends on");
  }
}
