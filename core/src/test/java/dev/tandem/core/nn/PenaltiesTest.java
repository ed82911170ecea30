package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class PenaltiesTest {
  private static final Predicate<String> WEIGHTS = path -> path.endsWith("weight");

  private static Module model() {
    return new Sequential(new Linear(3, 4), new Linear(4, 2));
  }

  private static double sum(Module model, Predicate<String> paths, DoubleUnaryOperator f) {
    double sum = 0;
    for (var e : model.parameters().entrySet()) {
      if (paths.test(e.getKey())) {
        for (double v : e.getValue().tensor().toHost().toDoubles()) {
          sum += f.applyAsDouble(v);
        }
      }
    }
    return sum;
  }

  @Test
  void valuesAreSumsOverTheChosenParameters() {
    Module model = model().on(new Device(new ReferenceBackend()), 1);
    Tensor l1 = Penalties.l1(model, 0.5, WEIGHTS);
    assertThat(l1.shape().isScalar()).isTrue();
    assertThat((double) l1.item()).isCloseTo(0.5 * sum(model, WEIGHTS, Math::abs), within(1e-6));
    assertThat((double) Penalties.l2(model, 0.5, WEIGHTS).item()).isCloseTo(0.5 * sum(model, WEIGHTS, v -> v * v),
        within(1e-6));
    assertThat((double) Penalties.l1(model, 2).item()).isCloseTo(2 * sum(model, p -> true, Math::abs), within(1e-6));
    assertThat((double) Penalties.l2(model, 2).item()).isCloseTo(2 * sum(model, p -> true, v -> v * v), within(1e-6));
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    Module one = model();
    GradientCheck.check(one, in -> one.apply(in.getFirst()).sum().add(Penalties.l1(one, 0.3, WEIGHTS)),
        new int[] {2, 3});
    Module two = model();
    GradientCheck.check(two, in -> two.apply(in.getFirst()).sum().add(Penalties.l2(two, 0.3)), new int[] {2, 3});
  }

  @Test
  void aPenaltyTrainsAsWeightDecayOfTwiceItsFactorAndIsReplayed() {
    float[] decayed = train(new Sgd(0.1, 0, 0.2, false), 0);
    assertThat(train(new Sgd(0.1), 0.1)).containsExactly(decayed, within(1e-6f));
  }

  private static float[] train(Optimizer optimizer, double penalty) {
    Module model = model().on(new Device(new ReferenceBackend()), 1);
    optimizer.on(model);
    TrainStep step = TrainStep.of(optimizer, 1, in -> {
      Tensor loss = Losses.mse().apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(penalty == 0 ? loss : loss.add(Penalties.l2(model, penalty))));
      return loss;
    });
    for (int i = 0; i < 5; i++) {
      step.run(Batch.of(HostArray.of(new float[] {1, 2, 3, -1, 0, 1}, 2, 3), HostArray.of(new float[4], 2, 2)));
    }
    assertThat(step.state()).startsWith("replaying");
    return model.state().get("0.weight").tensor().toArray();
  }

  @Test
  void aChoiceOfNothingIsAMistake() {
    Module model = model().on(new Device(new ReferenceBackend()), 1);
    assertThatThrownBy(() -> Penalties.l2(model, 1, path -> path.equals("weight"))).hasMessage(
        "the penalty l2 chooses no parameter of Sequential; its parameters are [0.weight, 0.bias, 1.weight, 1.bias]");
  }
}
