package dev.tandem.core.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Dropout;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.AdamW;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainStepTest {
  private static Device device() {
    return new Device(new ReferenceBackend());
  }

  static Stream<Supplier<Optimizer>> optimizers() {
    return Stream.of(() -> new Sgd(0.02), () -> new Sgd(0.02, 0.9), () -> new Sgd(0.02, 0.9, 1e-3, true),
        () -> new Adam(0.02),
        () -> new AdamW(0.02, 0.01));
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void replayedStepsGiveTheBitsOfEagerOnes(Supplier<Optimizer> optimizer) {
    assertThat(SmallNetwork.run(device(), optimizer.get(), true, 30))
        .isEqualTo(SmallNetwork.run(device(), optimizer.get(), false, 30));
  }

  @Test
  void theSameSeedGivesTheSameBits() {
    assertThat(SmallNetwork.run(device(), new Adam(0.02), true, 12))
        .isEqualTo(SmallNetwork.run(device(), new Adam(0.02), true, 12));
  }

  /** With the composite claimed nothing is made once for all, so the second step must already repeat the first. */
  @Test
  void theSecondStepHasTheAddressesOfTheFirst() {
    Device claimed = new Device(new ReferenceBackend(Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class)));
    assertThat(stateAfter(2, claimed)).startsWith("replaying");
    assertThat(stateAfter(3, device())).as("the first step having made a constant").startsWith("replaying");
  }

  private static String stateAfter(int steps, Device device) {
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.1, 0.9).on(model);
    TrainStep step = TrainStep.of(optimizer, 1, SmallNetwork.training(model, optimizer));
    for (int i = 0; i < steps; i++) {
      step.run(SmallNetwork.batch(16, i));
    }
    return step.state();
  }

  @Test
  void replayedDropoutDrawsAnewInEveryStep() {
    Device device = device();
    Module model = new Linear(1, 1).on(device, 1);
    Module dropout = new Dropout(0.5).on(device, 1);
    TrainStep step = TrainStep.of(new Sgd(0).on(model), 3, in -> dropout.apply(in.get(0)).mean());
    float[] x = new float[400];
    for (int i = 0; i < x.length; i++) {
      x[i] = i * i;
    }
    Set<Float> means = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      means.add(step.run(Batch.of(HostArray.of(x, 400))).item());
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(means).hasSize(20);
  }

  @Test
  void aValueReadInsideTheStepKeepsItEager() {
    assertThat(state((loss, n) -> loss.item() > 0 ? loss : loss.mul(2)))
        .isEqualTo("eager: toHost(), toArray() or item() inside the step");
  }

  @Test
  void keepInsideTheStepKeepsItEager() {
    assertThat(state((loss, n) -> {
      loss.keep();
      return loss;
    })).isEqualTo("eager: keep() inside the step; return the tensor instead");
  }

  @Test
  void hostDataWrittenInsideTheStepKeepsItEager() {
    assertThat(state((loss, n) -> loss.add(Tensor.of(loss.device(), new float[] {1}, 1).sum())))
        .isEqualTo("eager: host data written inside the step; pass it as an input");
  }

  @Test
  void controlFlowOnACounterIsNoticed() {
    assertThat(state((loss, n) -> n % 2 == 0 ? loss.mul(1.5) : loss)).startsWith("eager: call ").contains("mul[1.5]");
  }

  @Test
  void aNumberThatChangesIsNoticed() {
    assertThat(state((loss, n) -> loss.mul(1 + 0.5 * n))).startsWith("eager: call ").contains(" was mul[")
        .contains("in the next");
  }

  private static String state(BiFunction<Tensor, Integer, Tensor> use) {
    Device device = device();
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    int[] count = {0};
    TrainStep step = TrainStep.of(optimizer, 3, in -> {
      Tensor loss = use.apply(Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1)), count[0]++);
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    for (int i = 0; i < 40; i++) {
      step.run(SmallNetwork.batch(16, i));
    }
    return step.state();
  }

  @Test
  void aChangeLongAfterCaptureIsNoticed() {
    Device device = device();
    Module model = SmallNetwork.model().on(device, 1);
    boolean[] changed = {false};
    TrainStep step = TrainStep.of(new Sgd(0.1).on(model), 3, in -> {
      Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
      return changed[0] ? loss.mul(2) : loss;
    });
    for (int i = 0; i < 10; i++) {
      step.run(SmallNetwork.batch(16, i));
    }
    String before = step.state();
    changed[0] = true;
    for (int i = 10; i < 40; i++) {
      step.run(SmallNetwork.batch(16, i));
    }
    assertThat(before).startsWith("replaying");
    assertThat(step.state()).startsWith("replaying").isNotEqualTo(before);
  }

  @Test
  void theLossOfAnEarlierRunIsRefused() {
    Device device = device();
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, SmallNetwork.training(model, optimizer));
    Tensor first = step.run(SmallNetwork.batch(16, 0));
    first.item();
    step.run(SmallNetwork.batch(9, 1));
    assertThatThrownBy(first::item).isInstanceOf(IllegalStateException.class)
        .hasMessage("this tensor was freed at the end of step 1; keep() it, or return it");
  }

  @Test
  void otherResultsOfTheSameCallsAreNoticed() {
    Device device = device();
    int[] count = {0};
    TrainStep step = TrainStep.of(new Sgd(0).on(new Linear(1, 1).on(device, 1)), 3, in -> {
      Tensor doubled = in.get(0).mul(2);
      Tensor squared = in.get(0).square();
      return count[0]++ % 2 == 0 ? doubled : squared;
    });
    for (int i = 0; i < 12; i++) {
      assertThat(step.run(Batch.of(HostArray.of(new float[] {i + 3}, 1))).item())
          .isEqualTo(i % 2 == 0 ? 2f * (i + 3) : (i + 3f) * (i + 3));
    }
    assertThat(step.state()).isEqualTo("eager: results are other tensors than in the step before");
  }

  @Test
  void aResultIsWhatItWasAtTheEndOfTheRun() {
    Device device = device();
    Module model = new Linear(1, 1).on(device, 1);
    Tensor weight = model.parameters().get("weight").tensor();
    Optimizer optimizer = new Sgd(0.5).on(model);
    Tensor[] input = new Tensor[1];
    TrainStep step = TrainStep.of(List.of(optimizer), 3, in -> {
      input[0] = in.get(0);
      Tensor product = in.get(0).mul(weight.reshape(1));
      return List.of(product.sum(), product.add(1), weight, in.get(0));
    });
    for (int i = 0; i < 12; i++) {
      weight.write(new float[] {i});
      List<Tensor> results = step.runAll(List.of(HostArray.of(new float[] {1, i}, 2)));
      weight.write(new float[] {-1});
      input[0].write(new float[] {-2, -3});
      assertThat(results.get(0).item()).isEqualTo(i + i * i);
      assertThat(results.get(1).toArray()).containsExactly(i + 1, i * i + 1);
      assertThat(results.get(2).toArray()).containsExactly(i);
      assertThat(results.get(3).toArray()).containsExactly(1, i);
    }
    assertThat(step.state()).startsWith("replaying");
  }

  @Test
  void manyShapesAreBounded() {
    Device device = device();
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, SmallNetwork.training(model, optimizer));
    for (int i = 0; i < 200; i++) {
      assertThat(step.run(SmallNetwork.batch(1 + i % 40, i)).item()).isFinite();
    }
  }

  @Test
  void halvesOfABatchAddUpToTheWhole() {
    List<float[]> weights = new ArrayList<>();
    for (int parts = 1; parts <= 2; parts++) {
      Device device = device();
      Module model = new Linear(SmallNetwork.FEATURES, SmallNetwork.CLASSES).on(device, 1);
      Optimizer optimizer = new Sgd(0.1, 0.9).on(model);
      int n = 16 / parts;
      int count = parts;
      TrainStep step = TrainStep.of(optimizer, 3, in -> {
        Gradients sum = null;
        Tensor total = null;
        for (int i = 0; i < count; i++) {
          Tensor x = in.get(0).slice(0, i * n, (i + 1) * n);
          Tensor loss =
              Losses.crossEntropy().apply(model.apply(x), in.get(1).slice(0, i * n, (i + 1) * n)).mul(1.0 / count);
          Gradients g = Gradients.of(loss);
          sum = sum == null ? g : sum.plus(g);
          total = total == null ? loss : total.add(loss);
        }
        optimizer.update(sum);
        return total;
      });
      for (int i = 0; i < 6; i++) {
        step.run(SmallNetwork.batch(16, i));
      }
      assertThat(step.state()).startsWith("replaying");
      weights.add(model.state().get("weight").tensor().toArray());
    }
    for (int i = 0; i < weights.get(0).length; i++) {
      assertThat(weights.get(1)[i]).isCloseTo(weights.get(0)[i], org.assertj.core.api.Assertions.within(1e-6f));
    }
  }

  @Test
  void twoThreadsOnOneDeviceTakeTurns() throws Exception {
    List<Float> expected = SmallNetwork.run(device(), new Adam(0.02), true, 40);
    Device shared = device();
    try (ExecutorService pool = Executors.newFixedThreadPool(2)) {
      Future<List<Float>> one = pool.submit(() -> SmallNetwork.run(shared, new Adam(0.02), true, 40));
      Future<List<Float>> two = pool.submit(() -> SmallNetwork.run(shared, new Adam(0.02), true, 40));
      assertThat(one.get()).isEqualTo(expected);
      assertThat(two.get()).isEqualTo(expected);
    }
  }

  @Test
  void anErrorInTheBodyLeavesTheStepUsable() {
    Device device = device();
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, SmallNetwork.training(model, optimizer));
    step.run(SmallNetwork.batch(16, 0));
    Batch wrong = Batch.of(HostArray.zeros(dev.tandem.core.shape.DType.F32, 4, 3), HostArray.of(new int[4], 4));
    assertThatThrownBy(() -> step.run(wrong))
        .hasMessageContaining("Sequential.0: MatMul of [F32[4, 3], F32[7, 13]] on reference");
    for (int i = 1; i < 6; i++) {
      assertThat(step.run(SmallNetwork.batch(16, i)).item()).isFinite();
    }
    assertThat(step.state()).startsWith("replaying");
  }
}
