package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GraphModelTest {
  private final Device device = new Device(new ReferenceBackend());

  /** Two inputs through one shared layer, joined, with two outputs. */
  private static GraphModel twins() {
    GraphBuilder g = new GraphBuilder();
    GraphBuilder.Node left = g.input("left");
    GraphBuilder.Node right = g.input("right");
    Linear shared = new Linear(3, 4);
    GraphBuilder.Node a = g.apply("encoder", shared, left);
    GraphBuilder.Node b = g.apply(shared, right);
    GraphBuilder.Node joined = g.apply(new Concat(), g.apply(new Relu(), a), g.apply(new Relu(), b));
    g.output("class", g.apply("classifier", new Linear(8, 2), joined));
    g.output("distance", g.apply(new Multiply(), a, b));
    return g.build();
  }

  /** Linear by hand. */
  private static double[] linear(Block layer, double[] x, int in, int out) {
    float[] w = layer.state().get("weight").tensor().toArray();
    float[] bias = layer.state().get("bias").tensor().toArray();
    double[] y = new double[x.length / in * out];
    for (int i = 0; i < y.length; i++) {
      y[i] = bias[i % out];
      for (int k = 0; k < in; k++) {
        y[i] += x[i / out * in + k] * w[i % out * in + k];
      }
    }
    return y;
  }

  @Test
  void aGraphOfTwoInputsAndOutputsComputesWhatItsLayersDo() {
    GraphModel model = twins().on(device, 3);
    assertThat(model.inputs()).containsExactly("left", "right");
    assertThat(model.outputs()).containsExactly("class", "distance");
    assertThat(model.parameters().keySet()).containsExactly("encoder.weight", "encoder.bias", "classifier.weight",
        "classifier.bias");
    assertThat(model.children().keySet()).containsExactly("encoder", "relu", "relu_1", "concat", "classifier",
        "multiply");
    float[] left = {1, 2, 3, -1, 0, 2};
    float[] right = {0, 1, -2, 4, 1, 1};
    Map<String, Tensor> out = model.apply(Map.of("right", Tensor.of(device, right, 2, 3), "left",
        Tensor.of(device, left, 2, 3)));
    double[] a = linear(model.children().get("encoder"), doubles(left), 3, 4);
    double[] b = linear(model.children().get("encoder"), doubles(right), 3, 4);
    double[] joined = new double[16];
    double[] product = new double[8];
    for (int i = 0; i < 8; i++) {
      joined[i / 4 * 8 + i % 4] = Math.max(0, a[i]);
      joined[i / 4 * 8 + 4 + i % 4] = Math.max(0, b[i]);
      product[i] = a[i] * b[i];
    }
    assertThat(out.keySet()).containsExactly("class", "distance");
    assertThat(out.get("class").toArray()).containsExactly(floats(linear(model.children().get("classifier"), joined, 8,
        2)));
    assertThat(out.get("distance").toArray()).containsExactly(floats(product));
    List<Tensor> listed = model.apply(Tensor.of(device, left, 2, 3), Tensor.of(device, right, 2, 3));
    assertThat(listed.get(1).toArray()).containsExactly(out.get("distance").toArray());
  }

  private static double[] doubles(float[] v) {
    double[] r = new double[v.length];
    for (int i = 0; i < v.length; i++) {
      r[i] = v[i];
    }
    return r;
  }

  private static float[] floats(double[] v) {
    float[] r = new float[v.length];
    for (int i = 0; i < v.length; i++) {
      r[i] = (float) v[i];
    }
    return r;
  }

  @Test
  void gradientsFlowThroughSharedLayersAndJoins() {
    GraphModel model = twins();
    GradientCheck.check(model, in -> {
      List<Tensor> out = model.apply(in.get(0), in.get(1));
      return out.get(0).sum(1).add(out.get(1).sum(1));
    }, new int[] {5, 3}, new int[] {5, 3});
  }

  @Test
  void aBlockWithSeveralResultsTakesPart() {
    class Halves extends Block {
      List<Tensor> apply(Tensor x) {
        return frames(() -> x.mul(2).split(x.shape().dim(1) / 2, 1));
      }
    }

    GraphBuilder g = new GraphBuilder();
    List<GraphBuilder.Node> halves =
        g.apply("halves", new Halves(), 2, (h, in) -> h.apply(in.get(0)), g.input("x"));
    g.output("y", g.apply(new Add(), halves.get(0), halves.get(1)));
    GraphModel model = g.build().on(device, 1);
    assertThat(model.apply(Tensor.of(device, new float[] {1, 2, 3, 4}, 1, 4)).get(0).toArray()).containsExactly(8, 12);
  }

  /** Every intermediate is as large as the input; a chain needs two at a time, and one more for the skipped one. */
  @Test
  void eachIntermediateIsFreedAfterItsLastUse() {
    int n = 1 << 16;
    GraphBuilder g = new GraphBuilder();
    GraphBuilder.Node x = g.apply(new Relu(), g.input("x"));
    GraphBuilder.Node skipped = x;
    for (int i = 0; i < 20; i++) {
      x = g.apply(new Tanh(), x);
    }
    x = g.apply(new Add(), x, skipped);
    for (int i = 0; i < 20; i++) {
      x = g.apply(new Flatten(), g.apply(new Tanh(), x));
    }
    GraphModel model = g.output("y", x).build().on(device, 1);
    Tensor in = Tensor.ones(device, 1, n);
    StepArena arena = new StepArena(device, "test");
    try (Scope _ = Scope.training(device, arena, new Tape(), null, null)) {
      assertThat(model.apply(in).get(0).toArray()[0]).isPositive();
    }
    assertThat(arena.bytes()).isLessThanOrEqualTo(3L * n * 4);
  }

  @Test
  void aGraphOfOneInputAndOutputIsAModuleWithTheSamePaths() {
    GraphBuilder g = new GraphBuilder();
    GraphBuilder.Node x = g.input("x");
    g.output("y", g.apply(new Add(), g.apply("fc", new Linear(3, 3), x), x));
    Module model = g.build().asModule().on(device, 1);
    assertThat(model.state().keySet()).containsExactly("fc.weight", "fc.bias");
    Tensor in = Tensor.of(device, new float[] {1, 2, 3}, 1, 3);
    double[] y = linear(model.children().get("fc"), new double[] {1, 2, 3}, 3, 3);
    for (int i = 0; i < 3; i++) {
      y[i] += i + 1;
    }
    assertThat(model.apply(in).toArray()).containsExactly(floats(y));
    ReplayCheck.check(() -> {
      GraphBuilder h = new GraphBuilder();
      GraphBuilder.Node i = h.input("x");
      return h.output("y", h.apply(new Add(), h.apply(new Linear(3, 3), i), i)).build().asModule();
    }, 4, 3);
    assertThatThrownBy(() -> twins().asModule()).isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("left").hasMessageContaining("distance");
  }

  @Test
  void errorsInAGraphNameTheLayer() {
    GraphModel model = twins().on(device, 1);
    Tensor good = Tensor.ones(device, 2, 3);
    assertThatThrownBy(() -> model.apply(good, Tensor.ones(device, 2, 5))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("GraphModel.encoder");
    assertThatThrownBy(() -> model.apply(good)).hasMessageContaining("[left, right]");
    assertThatThrownBy(() -> model.apply(Map.of("left", good, "rihgt", good))).hasMessageContaining("[left, right]")
        .hasMessageContaining("rihgt");
  }

  @Test
  void mistakesInBuildingAreNamed() {
    GraphBuilder g = new GraphBuilder();
    GraphBuilder.Node x = g.input("x");
    assertThatThrownBy(g::build).hasMessageContaining("no output");
    assertThatThrownBy(() -> g.input("x")).hasMessageContaining("input named x");
    Linear fc = new Linear(2, 2);
    g.apply("fc", fc, x);
    assertThatThrownBy(() -> g.apply("other", fc, x)).hasMessageContaining("fc").hasMessageContaining("other");
    assertThatThrownBy(() -> g.apply("fc", new Linear(2, 2), x)).hasMessageContaining("another layer named fc");
    assertThatThrownBy(() -> g.apply(new Relu(), new GraphBuilder().input("x"))).hasMessageContaining("another graph");
    g.output("y", x);
    assertThatThrownBy(() -> g.output("y", x)).hasMessageContaining("output named y");
    assertThatThrownBy(g::build).hasMessageContaining("layer fc of the graph leads to no output");
    GraphBuilder h = new GraphBuilder();
    h.input("unused");
    h.output("y", h.input("used"));
    assertThatThrownBy(h::build).hasMessageContaining("input unused of the graph leads to no output");
    GraphBuilder wrong = new GraphBuilder();
    List<GraphBuilder.Node> two = wrong.apply("fc", new Linear(2, 2), 2, (l, in) -> List.of(l.apply(in.get(0))),
        wrong.input("x"));
    GraphModel model = wrong.output("y", two.get(1)).build().on(device, 1);
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 1, 2)))
        .hasMessageContaining("gave 1 tensors instead of 2");
    assertThatThrownBy(() -> new Add().apply()).isInstanceOf(ShapeException.class);
  }

  /** Of numbers below 2, rounded to fp32 when they are read. */
  private static final double ROUNDING = 0x1p-22;
  private static final WeightedLosses LOSSES =
      WeightedLosses.of("class", Losses.crossEntropy(), 1).and("distance", Losses.mse(), 0.25);

  @Test
  void weightedLossesAddUp() {
    GraphModel model = twins().on(device, 1);
    Map<String, Tensor> in = Map.of("left", Tensor.ones(device, 2, 3), "right", Tensor.full(device, 0.5, 2, 3));
    Map<String, Tensor> targets =
        Map.of("class", Tensor.of(device, new int[] {0, 1}, 2), "distance", Tensor.zeros(device, 2, 4));
    Map<String, Tensor> out = model.apply(in);
    WeightedLosses.Values j = LOSSES.apply(out, targets);
    assertThat(j.terms().keySet()).containsExactly("class", "distance");
    double first = Losses.crossEntropy().apply(out.get("class"), targets.get("class")).itemAsDouble();
    double second = Losses.mse().apply(out.get("distance"), targets.get("distance")).itemAsDouble();
    assertThat(j.terms().get("distance").itemAsDouble()).isEqualTo(second);
    assertThat(j.total().itemAsDouble()).isCloseTo(first + 0.25 * second, within(ROUNDING));
  }

  @Test
  void weightedLossesTrainAGraphInReplayedSteps() {
    GraphModel model = twins().on(device, 1);
    Optimizer optimizer = new Sgd(0.1).on(model);
    TrainStep step = TrainStep.of(List.of(optimizer), 2, in -> {
      Map<String, Tensor> out = model.apply(Map.of("left", in.get(0), "right", in.get(1)));
      WeightedLosses.Values j = LOSSES.apply(out, Map.of("class", in.get(2), "distance", in.get(3)));
      optimizer.update(Gradients.of(j.total()));
      return List.of(j.total(), j.terms().get("class"), j.terms().get("distance"));
    });
    List<HostArray> batch =
        List.of(HostArray.of(new float[] {1, 2, 0, -1, 1, 3}, 2, 3),
            HostArray.of(new float[] {0, 1, 1, 2, 1, -1}, 2, 3),
            HostArray.of(new int[] {0, 1}, 2), HostArray.of(new float[8], 2, 4));
    List<Float> totals = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      List<Tensor> j = step.runAll(batch);
      totals.add(j.get(0).item());
      assertThat(j.get(0).itemAsDouble()).isCloseTo(j.get(1).itemAsDouble() + 0.25 * j.get(2).itemAsDouble(),
          within(ROUNDING));
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(totals.getLast()).isLessThan(totals.getFirst() / 4);
  }

  @Test
  void weightedLossesNameWhatIsMissing() {
    Tensor x = Tensor.ones(device, 2, 2);
    WeightedLosses losses = WeightedLosses.of("y", Losses.mse(), 1);
    assertThatThrownBy(() -> losses.apply(Map.of("z", x), Map.of("y", x)))
        .hasMessageContaining("no output called y among [z]");
    assertThatThrownBy(() -> losses.apply(Map.of("y", x), Map.of())).hasMessageContaining("no target called y");
    assertThatThrownBy(() -> losses.and("y", Losses.mae(), 1)).hasMessageContaining("already");
    assertThatThrownBy(() -> losses.and("z", Losses.mae(), Double.NaN)).hasMessageContaining("weight NaN");
    assertThatThrownBy(() -> WeightedLosses.of("y", Losses.mse(Reduction.NONE), 1).apply(Map.of("y", x),
        Map.of("y", x))).isInstanceOf(ShapeException.class).hasMessageContaining("reduce it");
  }
}
