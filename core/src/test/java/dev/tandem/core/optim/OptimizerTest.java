package dev.tandem.core.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Twenty updates of two parameters of different length, against the published formulas in double precision. */
class OptimizerTest {
  private static final double LR = 0.05;
  private static final int STEPS = 20;
  /** Constants of a program are rounded to fp32, so the trajectories differ by some 1e-7 relative. */
  private static final double TOLERANCE = 2e-6;

  /** The loss is 1/2 Σ c (p - t)², so the gradient is c (p - t). */
  private static final class Bowl extends Module {
    final Parameter a = parameter("a", (v, s, r) -> fill(v, 1), 3);
    final Parameter b = parameter("b", (v, s, r) -> fill(v, -2), 20);
    final Parameter unused = parameter("unused", (v, s, r) -> fill(v, 7), 5);

    private static void fill(float[] v, double first) {
      for (int i = 0; i < v.length; i++) {
        v[i] = (float) (first + 0.25 * i);
      }
    }

    @Override
    protected Tensor forward(Tensor c) {
      Tensor x = a.tensor().sub(0.5).square().sum();
      Tensor y = b.tensor().add(1).square().sum();
      return x.add(y).mul(0.5).mul(c.sum());
    }
  }

  private interface Formula {
    /** @return the new parameter; {@code state} is kept between steps, {@code t} counts from 1 */
    double step(double p, double g, double[] state, int t);
  }

  private static void follows(Optimizer optimizer, Formula formula) {
    Device device = new Device(new ReferenceBackend());
    Bowl bowl = new Bowl();
    bowl.on(device, 1);
    optimizer.on(bowl);
    TrainStep step = TrainStep.of(optimizer, 1, in -> {
      Tensor loss = bowl.apply(in.get(0));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    double[] a = bowl.a.tensor().toHost().toDoubles();
    double[] b = bowl.b.tensor().toHost().toDoubles();
    double[][] states = new double[a.length + b.length][2];
    for (int t = 1; t <= STEPS; t++) {
      double c = 0.5 + 0.1 * (t % 3);
      step.run(Batch.of(HostArray.of(new float[] {(float) c}, 1)));
      for (int i = 0; i < a.length; i++) {
        a[i] = formula.step(a[i], (float) c * (a[i] - 0.5), states[i], t);
      }
      for (int i = 0; i < b.length; i++) {
        b[i] = formula.step(b[i], (float) c * (b[i] + 1), states[a.length + i], t);
      }
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(bowl.a.tensor().toHost().toDoubles()).containsExactly(a, within(TOLERANCE));
    assertThat(bowl.b.tensor().toHost().toDoubles()).containsExactly(b, within(TOLERANCE));
    assertThat(bowl.unused.tensor().toArray()).as("a parameter without a gradient").containsExactly(7, 7.25f, 7.5f,
        7.75f, 8);
  }

  @Test
  void sgd() {
    follows(new Sgd(LR), (p, g, s, t) -> p - LR * g);
  }

  @Test
  void sgdWithWeightDecay() {
    follows(new Sgd(LR, 0, 0.1, false), (p, g, s, t) -> p - LR * (g + 0.1 * p));
  }

  @Test
  void momentum() {
    follows(new Sgd(LR, 0.9), (p, g, s, t) -> {
      s[0] = 0.9 * s[0] + g;
      return p - LR * s[0];
    });
  }

  @Test
  void nesterov() {
    follows(new Sgd(LR, 0.9, 0.01, true), (p, g0, s, t) -> {
      double g = g0 + 0.01 * p;
      s[0] = 0.9 * s[0] + g;
      return p - LR * (g + 0.9 * s[0]);
    });
  }

  private static double adam(double p, double g, double[] s, int t) {
    s[0] = 0.9 * s[0] + 0.1 * g;
    s[1] = 0.999 * s[1] + 0.001 * g * g;
    return p - LR * (s[0] / (1 - Math.pow(0.9, t))) / (Math.sqrt(s[1] / (1 - Math.pow(0.999, t))) + 1e-8);
  }

  @Test
  void adam() {
    follows(new Adam(LR), OptimizerTest::adam);
  }

  @Test
  void adamWithPenalty() {
    follows(new Adam(LR, 0.9, 0.999, 1e-8, 0.1), (p, g, s, t) -> adam(p, g + 0.1 * p, s, t));
  }

  @Test
  void adamW() {
    follows(new AdamW(LR, 0.1), (p, g, s, t) -> adam(p - LR * 0.1 * p, g, s, t));
  }

  @Test
  void aNewLearningRateCountsFromTheNextStep() {
    Sgd optimizer = new Sgd(LR);
    follows(optimizer, (p, g, s, t) -> p - LR * g);
    optimizer.learningRate(0);
    assertThat(optimizer.learningRate()).isZero();
    assertThatThrownBy(() -> optimizer.learningRate(Double.NaN))
        .hasMessage("a learning rate must be a number of at least 0, not NaN");
  }

  @Test
  void statesMoveToAnotherOptimizer() {
    Device device = new Device(new ReferenceBackend());
    Optimizer one = new Adam(LR).on(new Bowl().on(device, 1));
    Optimizer two = new Adam(LR).on(new Bowl().on(device, 1));
    assertThat(one.stateToHost().keySet()).containsExactly("exp_avg.a", "exp_avg.b", "exp_avg.unused", "exp_avg_sq.a",
        "exp_avg_sq.b",
        "exp_avg_sq.unused");
    Map<String, HostArray> state = one.stateToHost();
    state.put("exp_avg.b", HostArray.of(new float[20], 20));
    state.get("exp_avg.a").set(1, 3.5);
    two.loadState(state);
    assertThat(two.stateToHost().get("exp_avg.a").toFloats()).containsExactly(0, 3.5f, 0);
    state.remove("exp_avg_sq.b");
    assertThatThrownBy(() -> two.loadState(state))
        .hasMessage("the state of Adam does not fit: exp_avg_sq.b is missing");
  }

  @Test
  void anOptimizerWithoutAModelSaysSo() {
    assertThatThrownBy(() -> new Adam(LR).device()).hasMessage("Adam updates no model yet; call on(model)");
    Device device = new Device(new ReferenceBackend());
    Optimizer bound = new Adam(LR).on(new Bowl().on(device, 1));
    assertThatThrownBy(() -> bound.on(new Bowl().on(device, 1)))
        .hasMessage("Adam already updates a model; make another one for Bowl");
  }
}
