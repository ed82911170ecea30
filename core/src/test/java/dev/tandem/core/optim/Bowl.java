package dev.tandem.core.optim;

import static org.assertj.core.api.Assertions.assertThat;
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

/**
 * Parameters whose loss is {@code 1/2 Σ c (p - t)²}, so that the gradient is {@code c (p - t)}, and one it does not
 * depend on.
 */
final class Bowl extends Module {
  static final double LR = 0.05;
  static final int STEPS = 20;
  /** Constants of a program are rounded to fp32, so the trajectories differ by some 1e-7 relative. */
  private static final double TOLERANCE = 2e-6;

  final Parameter a = parameter("a", (v, s, r) -> fill(v, 1), 3);
  final Parameter unused = parameter("unused", (v, s, r) -> fill(v, 7), 5);
  final Parameter b = parameter("b", (v, s, r) -> fill(v, -2), 20);

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

  /** One element's step. */
  interface Formula {
    /** @return the new parameter; {@code state} is kept between steps, {@code t} counts from 1 */
    double step(double p, double g, double[] state, int t);
  }

  /** The step of a whole parameter tensor. */
  interface TensorFormula {
    void step(double[] p, double[] g, double[][] states, int t);
  }

  /** Twenty updates of two parameters of different length, against a formula in double precision. */
  static void follows(Optimizer optimizer, Formula formula) {
    follows(optimizer, formula, formula);
  }

  /** @param ofB the formula for b; a follows {@code ofA} */
  static void follows(Optimizer optimizer, Formula ofA, Formula ofB) {
    followsWhole(optimizer, eachElement(ofA), eachElement(ofB));
  }

  private static TensorFormula eachElement(Formula formula) {
    return (p, g, states, t) -> {
      for (int i = 0; i < p.length; i++) {
        p[i] = formula.step(p[i], g[i], states[i], t);
      }
    };
  }

  static void followsWhole(Optimizer optimizer, TensorFormula ofA, TensorFormula ofB) {
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
    double[][] statesOfA = new double[a.length][4];
    double[][] statesOfB = new double[b.length][4];
    for (int t = 1; t <= STEPS; t++) {
      double c = 0.5 + 0.1 * (t % 3);
      step.run(Batch.of(HostArray.of(new float[] {(float) c}, 1)));
      ofA.step(a, gradient(a, (float) c, 0.5), statesOfA, t);
      ofB.step(b, gradient(b, (float) c, -1), statesOfB, t);
      assertThat(bowl.a.tensor().toHost().toDoubles()).as("a after step %s", t).containsExactly(a, within(TOLERANCE));
      assertThat(bowl.b.tensor().toHost().toDoubles()).as("b after step %s", t).containsExactly(b, within(TOLERANCE));
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(bowl.unused.tensor().toArray()).as("a parameter without a gradient").containsExactly(7, 7.25f, 7.5f,
        7.75f, 8);
  }

  private static double[] gradient(double[] p, double c, double target) {
    double[] g = new double[p.length];
    for (int i = 0; i < g.length; i++) {
      g[i] = c * (p[i] - target);
    }
    return g;
  }
}
