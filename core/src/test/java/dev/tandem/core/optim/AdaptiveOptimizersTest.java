package dev.tandem.core.optim;

import static dev.tandem.core.optim.Bowl.LR;
import static dev.tandem.core.optim.Bowl.follows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import org.junit.jupiter.api.Test;

/** Every adaptive optimizer and option against the published formula. */
class AdaptiveOptimizersTest {
  private static double adam(double p, double g, double[] s, int t, double rate) {
    moments(g, s, 0.9, 0.999);
    return p - rate * (s[0] / (1 - Math.pow(0.9, t))) / (Math.sqrt(s[1] / (1 - Math.pow(0.999, t))) + 1e-8);
  }

  static double adamW(double p, double g, double[] s, int t, double rate) {
    return adam(p - rate * 0.1 * p, g, s, t, rate);
  }

  private static void moments(double g, double[] s, double beta1, double beta2) {
    s[0] = beta1 * s[0] + (1 - beta1) * g;
    s[1] = beta2 * s[1] + (1 - beta2) * g * g;
  }

  @Test
  void adamFollows() {
    follows(new Adam(LR), (p, g, s, t) -> adam(p, g, s, t, LR));
  }

  @Test
  void adamWithPenalty() {
    follows(new Adam(LR, 0.9, 0.999, 1e-8, 0.1), (p, g, s, t) -> adam(p, g + 0.1 * p, s, t, LR));
  }

  @Test
  void adamWFollows() {
    follows(new AdamW(LR, 0.1), (p, g, s, t) -> adamW(p, g, s, t, LR));
  }

  @Test
  void adagrad() {
    follows(new Adagrad(LR), (p, g, s, t) -> {
      s[0] += g * g;
      return p - LR * g / (Math.sqrt(s[0]) + 1e-10);
    });
  }

  @Test
  void adagradWithAllOptions() {
    follows(new Adagrad(LR, 0.2, 0.1, 0.5, 1e-3), (p, g0, s, t) -> {
      double g = g0 + 0.1 * p;
      s[0] = (t == 1 ? 0.5 : s[0]) + g * g;
      return p - LR / (1 + (t - 1) * 0.2) * g / (Math.sqrt(s[0]) + 1e-3);
    });
  }

  @Test
  void rmsProp() {
    follows(new RmsProp(LR), (p, g, s, t) -> {
      s[0] = 0.99 * s[0] + 0.01 * g * g;
      return p - LR * g / (Math.sqrt(s[0]) + 1e-8);
    });
  }

  @Test
  void rmsPropWithMomentum() {
    follows(new RmsProp(LR, 0.9, 1e-3, 0.1, 0.5, false), (p, g0, s, t) -> {
      double g = g0 + 0.1 * p;
      s[0] = 0.9 * s[0] + 0.1 * g * g;
      s[1] = 0.5 * s[1] + g / (Math.sqrt(s[0]) + 1e-3);
      return p - LR * s[1];
    });
  }

  private static double centered(double p, double g, double[] s, double momentum) {
    s[0] = 0.9 * s[0] + 0.1 * g * g;
    s[2] = 0.9 * s[2] + 0.1 * g;
    s[1] = momentum * s[1] + g / (Math.sqrt(s[0] - s[2] * s[2]) + 1e-3);
    return p - LR * s[1];
  }

  @Test
  void rmsPropCentered() {
    follows(new RmsProp(LR, 0.9, 1e-3, 0, 0, true), (p, g, s, t) -> centered(p, g, s, 0));
    follows(new RmsProp(LR, 0.9, 1e-3, 0, 0.5, true), (p, g, s, t) -> centered(p, g, s, 0.5));
  }

  @Test
  void statesHaveTheNamesOfPyTorch() {
    Device device = new Device(new ReferenceBackend());
    Optimizer optimizer = new RmsProp(LR, 0.9, 1e-3, 0, 0.5, true).on(new Bowl().on(device, 1));
    assertThat(optimizer.stateToHost().keySet()).contains("square_avg.a", "momentum_buffer.a", "grad_avg.a");
  }

  @Test
  void adadelta() {
    follows(new Adadelta(), (p, g, s, t) -> adadelta(p, g, s, 1, 0.9, 1e-6));
    follows(new Adadelta(0.5, 0.8, 1e-4, 0.1), (p, g, s, t) -> adadelta(p, g + 0.1 * p, s, 0.5, 0.8, 1e-4));
  }

  private static double adadelta(double p, double g, double[] s, double rate, double rho, double eps) {
    s[0] = rho * s[0] + (1 - rho) * g * g;
    double delta = Math.sqrt(s[1] + eps) / Math.sqrt(s[0] + eps) * g;
    s[1] = rho * s[1] + (1 - rho) * delta * delta;
    return p - rate * delta;
  }

  @Test
  void adamax() {
    follows(new Adamax(LR), (p, g, s, t) -> adamax(p, g, s, t, 0.9, 0.999, 1e-8));
    follows(new Adamax(LR, 0.8, 0.95, 1e-3, 0.1), (p, g, s, t) -> adamax(p, g + 0.1 * p, s, t, 0.8, 0.95, 1e-3));
  }

  private static double adamax(double p, double g, double[] s, int t, double beta1, double beta2, double eps) {
    s[0] = beta1 * s[0] + (1 - beta1) * g;
    s[1] = Math.max(beta2 * s[1], Math.abs(g) + eps);
    return p - LR / (1 - Math.pow(beta1, t)) * s[0] / s[1];
  }

  @Test
  void nAdam() {
    follows(new NAdam(LR), (p, g, s, t) -> nAdam(p, g, s, t, 4e-3));
    follows(new NAdam(LR, 0.9, 0.999, 1e-8, 0.1, 0.5, false), (p, g, s, t) -> nAdam(p, g + 0.1 * p, s, t, 0.5));
    follows(new NAdam(LR, 0.9, 0.999, 1e-8, 0.1, 0.5, true),
        (p, g, s, t) -> nAdam(p - LR * 0.1 * p, g, s, t, 0.5));
  }

  private static double nAdam(double p, double g, double[] s, int t, double momentumDecay) {
    double mu = 0.9 * (1 - 0.5 * Math.pow(0.96, t * momentumDecay));
    double next = 0.9 * (1 - 0.5 * Math.pow(0.96, (t + 1) * momentumDecay));
    s[2] = (t == 1 ? 1 : s[2]) * mu;
    moments(g, s, 0.9, 0.999);
    double root = Math.sqrt(s[1] / (1 - Math.pow(0.999, t))) + 1e-8;
    return p - LR * (1 - mu) / (1 - s[2]) * g / root - LR * next / (1 - s[2] * next) * s[0] / root;
  }

  @Test
  void theMomentumOfNAdamIsAFunctionOfTheStep() {
    NAdam one = new NAdam(LR);
    double[] straight = one.scalars(9, LR);
    one.scalars(3, LR);
    assertThat(one.scalars(9, LR)).containsExactly(straight);
    assertThat(new NAdam(LR).scalars(9, LR)).containsExactly(straight);
  }

  /** With β2 = 0.9 the rectification begins at step 6 of the 20, within replayed steps. */
  @Test
  void rAdam() {
    follows(new RAdam(LR), (p, g, s, t) -> rAdam(p, g, s, t, 0.999));
    follows(new RAdam(LR, 0.9, 0.9, 1e-8, 0.1, false), (p, g, s, t) -> rAdam(p, g + 0.1 * p, s, t, 0.9));
    follows(new RAdam(LR, 0.9, 0.9, 1e-8, 0.1, true), (p, g, s, t) -> rAdam(p - LR * 0.1 * p, g, s, t, 0.9));
  }

  private static double rAdam(double p, double g, double[] s, int t, double beta2) {
    moments(g, s, 0.9, beta2);
    double mean = s[0] / (1 - Math.pow(0.9, t));
    double correction = 1 - Math.pow(beta2, t);
    double longest = 2 / (1 - beta2) - 1;
    double length = longest - 2 * t * Math.pow(beta2, t) / correction;
    if (length <= 5) {
      return p - LR * mean;
    }
    double r = Math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
    return p - LR * r * mean * Math.sqrt(correction) / (Math.sqrt(s[1]) + 1e-8);
  }

  @Test
  void lion() {
    follows(new Lion(LR), (p, g, s, t) -> lion(p, g, s, 0));
    follows(new Lion(LR, 0.1), (p, g, s, t) -> lion(p, g, s, 0.1));
  }

  private static double lion(double p, double g, double[] s, double decay) {
    double update = Math.signum(0.9 * s[0] + 0.1 * g) + decay * p;
    s[0] = 0.99 * s[0] + 0.01 * g;
    return p - LR * update;
  }

  @Test
  void lamb() {
    Bowl.TensorFormula plain = (p, g, states, t) -> lamb(p, g, states, t, 0);
    Bowl.TensorFormula decayed = (p, g, states, t) -> lamb(p, g, states, t, 0.01);
    Bowl.followsWhole(new Lamb(LR), decayed, decayed);
    Bowl.followsWhole(new Lamb(LR).group(path -> path.equals("b"), g -> g.weightDecay(0)), decayed, plain);
  }

  private static void lamb(double[] p, double[] g, double[][] states, int t, double decay) {
    double[] u = new double[p.length];
    double pp = 0;
    double uu = 0;
    for (int i = 0; i < p.length; i++) {
      moments(g[i], states[i], 0.9, 0.999);
      u[i] = states[i][0] / (1 - Math.pow(0.9, t)) / (Math.sqrt(states[i][1] / (1 - Math.pow(0.999, t))) + 1e-6)
          + decay * p[i];
      pp += p[i] * p[i];
      uu += u[i] * u[i];
    }
    double ratio = pp == 0 || uu == 0 ? 1 : Math.sqrt(pp) / Math.sqrt(uu);
    for (int i = 0; i < p.length; i++) {
      p[i] -= LR * ratio * u[i];
    }
  }

  @Test
  void badOptionsAreNamed() {
    assertThatThrownBy(() -> new Adam(LR, 1, 0.9, 0, 0)).hasMessage("beta1 must lie in [0, 1), not 1.0");
    assertThatThrownBy(() -> new Lion(LR, 0.9, -1, 0)).hasMessage("beta2 must lie in [0, 1), not -1.0");
    assertThatThrownBy(() -> new RmsProp(LR, 0.9, -1, 0, 0, false))
        .hasMessage("eps must be a number of at least 0, not -1.0");
    assertThatThrownBy(() -> new Adagrad(LR, 0, Double.NaN, 0, 0))
        .hasMessage("weight decay must be a number of at least 0, not NaN");
  }
}
