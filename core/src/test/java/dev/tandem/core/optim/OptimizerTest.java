package dev.tandem.core.optim;

import static dev.tandem.core.optim.Bowl.LR;
import static dev.tandem.core.optim.Bowl.follows;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class OptimizerTest {
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
    assertThatThrownBy(() -> new Sgd(LR, 0, 0, true)).hasMessage("Nesterov's variant needs momentum");
  }

  @Test
  void aNewLearningRateCountsFromTheNextStep() {
    Sgd optimizer = new Sgd(LR);
    follows(optimizer, (p, g, s, t) -> {
      optimizer.learningRate(LR / (t + 1));
      return p - LR / t * g;
    });
    optimizer.learningRate(0);
    assertThat(optimizer.learningRate()).isZero();
    assertThatThrownBy(() -> optimizer.learningRate(Double.NaN))
        .hasMessage("a learning rate must be a number of at least 0, not NaN");
  }

  @Test
  void groupsDifferInWeightDecayAndLearningRate() {
    follows(new Sgd(LR, 0.9, 0.1, false).group(path -> path.equals("b"), g -> g.weightDecay(0).learningRateFactor(0.5)),
        (p, g, s, t) -> {
          s[0] = 0.9 * s[0] + g + 0.1 * p;
          return p - LR * s[0];
        }, (p, g, s, t) -> {
          s[0] = 0.9 * s[0] + g;
          return p - 0.5 * LR * s[0];
        });
  }

  @Test
  void theFirstGroupThatAcceptsAParameterHasIt() {
    follows(new Sgd(LR, 0, 0.1, false).group((path, p) -> p.shape().size() == 3, g -> g.weightDecay(0.2))
        .group(path -> true, g -> g.learningRateFactor(2)), (p, g, s, t) -> p - LR * (g + 0.2 * p),
        (p, g, s, t) -> p - 2 * LR * (g + 0.1 * p));
  }

  @Test
  void aStepSizeOfAGroupEntersItsBiasCorrectedStep() {
    follows(new AdamW(LR, 0.1).group(path -> path.equals("a"), g -> g.learningRateFactor(0.1)),
        (p, g, s, t) -> AdaptiveOptimizersTest.adamW(p, g, s, t, 0.1 * LR),
        (p, g, s, t) -> AdaptiveOptimizersTest.adamW(p, g, s, t, LR));
  }

  @Test
  void groupsThatCannotBeAreExplained() {
    Device device = new Device(new ReferenceBackend());
    Bowl bowl = new Bowl();
    bowl.on(device, 1);
    Optimizer none = new Sgd(LR).group(path -> path.endsWith("bias"), g -> g.weightDecay(0));
    assertThatThrownBy(() -> none.on(bowl)).hasMessage("group 1 of Sgd has no parameter of Bowl that an earlier group "
        + "has not; its parameters are [a, unused, b]");
    Optimizer bound = new Sgd(LR).on(bowl);
    assertThatThrownBy(() -> bound.group(path -> true, g -> g))
        .hasMessage("Sgd updates a model already; name its groups before on(model)");
    assertThatThrownBy(() -> new Sgd(LR).group(path -> true, g -> g.weightDecay(-1)))
        .hasMessage("weight decay must be a number of at least 0, not -1.0");
    assertThatThrownBy(() -> new Sgd(LR).group(path -> true, g -> g.learningRateFactor(Double.NaN)))
        .hasMessage("a factor of the learning rate must be at least 0, not NaN");
  }

  @Test
  void biasesAreOneRunHoweverManyLayersThereAre() {
    Module model = new Sequential(new Linear(3, 5), new Linear(5, 4), new Linear(4, 7));
    model.on(new Device(new ReferenceBackend()), 1);
    assertThat(runs(model, path -> true)).isEqualTo(1);
    assertThat(runs(model, path -> path.endsWith("bias"))).isEqualTo(1);
    assertThat(runs(model, path -> !path.startsWith("1"))).as("around both of the middle layer").isEqualTo(3);
  }

  private static int runs(Module model, Predicate<String> paths) {
    return ParameterRun.of(model.parameters().entrySet().stream().filter(e -> paths.test(e.getKey())).toList()).size();
  }

  @Test
  void statesMoveToAnotherOptimizerOfOtherGroups() {
    Device device = new Device(new ReferenceBackend());
    Optimizer one = new Adam(LR).on(new Bowl().on(device, 1));
    Optimizer two = new Adam(LR).group(path -> path.equals("b"), g -> g.weightDecay(1)).on(new Bowl().on(device, 1));
    assertThat(one.stateToHost().keySet()).containsExactly("exp_avg.a", "exp_avg.unused", "exp_avg.b", "exp_avg_sq.a",
        "exp_avg_sq.unused", "exp_avg_sq.b");
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

  @Test
  void theScheduleSaysHowFastInReplayedStepsToo() {
    Sgd optimizer = new Sgd(LR);
    optimizer.schedule(Schedules.warmup(4, Schedules.exponential(0.9)));
    follows(optimizer, (p, g, s, t) -> p - LR * (t <= 4 ? t / 4.0 : Math.pow(0.9, t - 5)) * g);
    assertThat(optimizer.learningRate()).isEqualTo(LR);
    assertThat(optimizer.currentLearningRate()).isEqualTo(LR * Math.pow(0.9, 15));
  }

  @Test
  void aScheduleThatGivesNoRateIsRefused() {
    Optimizer optimizer = new Sgd(LR).schedule(step -> step < 1 ? 1 : Double.NaN)
        .on(new Bowl().on(new Device(new ReferenceBackend()), 1));
    optimizer.beginStep(1);
    assertThatThrownBy(() -> optimizer.beginStep(2)).hasMessage(
        "the schedule of Sgd gives NaN as factor of step 2; it must be a number of at least 0");
  }
}
