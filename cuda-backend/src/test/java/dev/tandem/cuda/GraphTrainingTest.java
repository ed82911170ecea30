package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Clipping;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.SmallNetwork.Kind;
import dev.tandem.core.train.TrainStep;
import dev.tandem.cuda.emulator.EmulatorCounts;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Trainings whose steps are CUDA graphs give the bits of trainings whose steps are not. */
class GraphTrainingTest {
  private static final int STEPS = 12;

  private Device device;

  @BeforeEach
  void open() {
    device = new Device(Cuda.backend());
  }

  /** A model with clipped gradients and a falling learning rate, and what it has learned. */
  private final class Training {
    final Module model;
    final TrainStep step;
    final List<Float> losses = new ArrayList<>();
    private final Kind kind;

    Training(Kind kind, boolean capture) {
      this.kind = kind;
      model = kind.model().on(device, 1);
      Optimizer optimizer = new Adam(0.02).schedule(Schedules.cosine(STEPS, 0)).on(model);
      step = TrainStep.of(optimizer, 3, in -> {
        Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
        optimizer.update(Clipping.byNorm(Gradients.of(loss), 0.5, model).gradients());
        return loss;
      }).capture(capture);
    }

    void run(int batch, int seed) {
      losses.add(step.run(kind.batch(batch, seed)).item());
    }

    /** Losses, then all parameters and statistics. */
    List<Float> result() {
      List<Float> all = new ArrayList<>(losses);
      model.state().values().forEach(p -> {
        for (float v : p.tensor().toArray()) {
          all.add(v);
        }
      });
      return all;
    }
  }

  private Training trained(Kind kind, boolean capture, int... batches) {
    Training t = new Training(kind, capture);
    for (int i = 0; i < STEPS; i++) {
      t.run(batches[i % batches.length], i);
    }
    return t;
  }

  @ParameterizedTest
  @EnumSource
  void clippingAndSchedules(Kind kind) {
    Training captured = trained(kind, true, 16);
    assertThat(captured.step.state()).matches("replaying one CUDA graph of \\d+ nodes");
    assertThat(captured.result()).isEqualTo(trained(kind, false, 16).result());
  }

  @Test
  void everyBatchShapeHasItsGraphAndALastPartialBatchNone() {
    Training captured = new Training(Kind.CNN, true);
    Training eager = new Training(Kind.CNN, false);
    List<String> states = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      int batch = i == 6 ? 5 : i % 2 == 0 ? 16 : 9;
      captured.run(batch, i);
      eager.run(batch, i);
      states.add(captured.step.state());
    }
    assertThat(states.get(6)).isEqualTo("eager: first of two equal steps");
    assertThat(states.subList(8, STEPS)).allMatch(s -> s.startsWith("replaying one CUDA graph"));
    assertThat(captured.result()).isEqualTo(eager.result());
  }

  /** Graphs of two models on one device, other work of the device between them. */
  @Test
  void twoModelsTakeTurns() {
    List<Float> first = trained(Kind.MLP, false, 16).result();
    List<Float> second = trained(Kind.LSTM, false, 16).result();
    Training one = new Training(Kind.MLP, true);
    Training two = new Training(Kind.LSTM, true);
    for (int i = 0; i < STEPS; i++) {
      one.run(16, i);
      assertThat(two.model.apply(Tensor.of(device, Kind.LSTM.batch(3, i).get(0))).sum().item()).isFinite();
      two.run(16, i);
      assertThat(one.model.apply(Tensor.of(device, Kind.MLP.batch(40, i).get(0))).sum().item()).isFinite();
    }
    assertThat(List.of(one.step.state(), two.step.state())).allMatch(s -> s.startsWith("replaying one CUDA graph"));
    assertThat(one.result()).isEqualTo(first);
    assertThat(two.result()).isEqualTo(second);
  }

  @Test
  void onlySoManyShapesHaveGraphs() {
    EmulatorCounts counts = new EmulatorCounts(Cuda.emulator());
    Module model = new Linear(2, 1).on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    TrainStep step = TrainStep.of(optimizer, 1, in -> {
      Tensor loss = model.apply(in.get(0)).square().mean();
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    long before = alive(counts);
    for (int rows = 1; rows <= 18; rows++) {
      for (int i = 0; i < 4; i++) {
        step.run(Batch.of(HostArray.zeros(DType.F32, rows, 2)));
      }
      assertThat(step.state()).startsWith("replaying one CUDA graph");
    }
    // Graphs of earlier tests that nobody holds any more may go at any time.
    assertThat(alive(counts) - before).isBetween(0L, 16L);
  }

  private static long alive(EmulatorCounts counts) {
    return counts.calls("cuGraphInstantiateWithFlags") - counts.calls("cuGraphExecDestroy");
  }
}
