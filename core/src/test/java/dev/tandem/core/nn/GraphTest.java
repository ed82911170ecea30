package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GraphTest {
  private static final int V = 4;
  /** 0 -> 1 twice, 2 -> 1, 1 -> 0, 3 -> 3; nothing arrives at 2. */
  private static final int[] EDGES = {0, 0, 2, 1, 3, 1, 1, 1, 0, 3};
  private static final int E = 5;

  private final Device device = new Device(new ReferenceBackend());

  private static float[] random(long seed, int n) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private Tensor edges() {
    return Tensor.of(device, EDGES, 2, E);
  }

  @Test
  void normalizedDividesByTheRootsOfBothDegrees() {
    float[] a = {0, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    double[] degree = {4, 3, 1, 2};
    float[] got = GraphConvolution.normalized(Tensor.of(device, a, V, V)).toArray();
    for (int i = 0; i < V; i++) {
      for (int j = 0; j < V; j++) {
        double want = (a[i * V + j] + (i == j ? 1 : 0)) / Math.sqrt(degree[i] * degree[j]);
        assertThat((double) got[i * V + j]).isCloseTo(want, within(1e-7));
      }
    }
    assertThatThrownBy(() -> GraphConvolution.normalized(Tensor.ones(device, 2, 3))).isInstanceOf(ShapeException.class)
        .hasMessage("an adjacency matrix must be [..., V, V], not [2, 3]");
  }

  @Test
  void denseConvolutionSumsOverNeighbours() {
    GraphConvolution layer = new GraphConvolution(3, 2);
    layer.on(device, 1);
    layer.loadState(Map.of("weight", HostArray.of(random(1, 6), 2, 3), "bias", HostArray.of(random(2, 2), 2)));
    float[] w = random(1, 6);
    float[] b = random(2, 2);
    float[] x = random(3, 2 * V * 3);
    float[] a = random(4, V * V);
    float[] got = layer.apply(Tensor.of(device, x, 2, V, 3), Tensor.of(device, a, V, V)).toArray();
    for (int g = 0; g < 2; g++) {
      for (int i = 0; i < V; i++) {
        for (int o = 0; o < 2; o++) {
          double want = b[o];
          for (int j = 0; j < V; j++) {
            for (int f = 0; f < 3; f++) {
              want += (double) a[i * V + j] * w[o * 3 + f] * x[(g * V + j) * 3 + f];
            }
          }
          assertThat((double) got[(g * V + i) * 2 + o]).isCloseTo(want, within(1e-6));
        }
      }
    }
    assertThat(layer.parameters().keySet()).containsExactly("weight", "bias");
  }

  @ParameterizedTest
  @EnumSource
  void messagesArriveAlongEdges(MessagePassing.Aggregation aggregation) {
    MessagePassing layer = new MessagePassing(3, 2, aggregation);
    layer.on(device, 1);
    float[] rel = layer.state().get("lin_rel.weight").tensor().toArray();
    float[] bias = layer.state().get("lin_rel.bias").tensor().toArray();
    float[] root = layer.state().get("lin_root.weight").tensor().toArray();
    float[] x = random(3, V * 3);
    float[] got = layer.apply(Tensor.of(device, x, V, 3), edges()).toArray();
    for (int i = 0; i < V; i++) {
      double[] arrived = new double[3];
      int count = 0;
      for (int e = 0; e < E; e++) {
        if (EDGES[E + e] == i) {
          count++;
          for (int f = 0; f < 3; f++) {
            arrived[f] += x[EDGES[e] * 3 + f];
          }
        }
      }
      for (int o = 0; o < 2; o++) {
        double want = bias[o];
        for (int f = 0; f < 3; f++) {
          double message =
              aggregation == MessagePassing.Aggregation.MEAN && count > 0 ? arrived[f] / count : arrived[f];
          want += rel[o * 3 + f] * message + root[o * 3 + f] * x[i * 3 + f];
        }
        assertThat((double) got[i * 2 + o]).as("node %s", i).isCloseTo(want, within(1e-6));
      }
    }
    assertThat(layer.state().keySet()).containsExactly("lin_rel.weight", "lin_rel.bias", "lin_root.weight");
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    GraphConvolution dense = new GraphConvolution(3, 2);
    GradientCheck.check(dense, in -> dense.apply(in.get(0), in.get(1)), new int[] {2, V, 3}, new int[] {V, V});
    GradientCheck.check(in -> GraphConvolution.normalized(in.get(0).square()), new int[] {V, V});
    for (MessagePassing.Aggregation aggregation : MessagePassing.Aggregation.values()) {
      MessagePassing sparse = new MessagePassing(3, 2, aggregation);
      GradientCheck.check(sparse, in -> sparse.apply(in.get(0), Tensor.of(sparse.device(), EDGES, 2, E)),
          new int[] {V, 3});
    }
    GradientCheck.check(new Residual(new Linear(3, 3)), 2, 3);
    GradientCheck.check(new Residual(new Sequential(new Linear(3, 4), new Silu()), new Linear(3, 4, false)), 2, 3);
    GradientCheck.check(new SkipConcat(new Linear(3, 2), -1), 2, 3);
  }

  @Test
  void mistakesAreNamed() {
    GraphConvolution dense = new GraphConvolution(3, 2);
    dense.on(device, 1);
    Tensor x = Tensor.ones(device, V, 3);
    refuses(() -> dense.apply(Tensor.ones(device, V, 2), Tensor.ones(device, V, V)),
        "GraphConvolution of F32[4, 2]: node features must be [..., V, 3]");
    refuses(() -> dense.apply(x, Tensor.ones(device, 3, 3)), "the adjacency must be [4, 4]");
    MessagePassing sparse = new MessagePassing(3, 2, MessagePassing.Aggregation.SUM);
    sparse.on(device, 1);
    refuses(() -> sparse.apply(Tensor.ones(device, V, 2), edges()), "node features must be [V, 3]");
    refuses(() -> sparse.apply(x, edges().transpose(0, 1)), "edges must be I32[2, E]");
    refuses(() -> sparse.apply(x, edges().transpose(0, 1)), "transpose them");
    refuses(() -> sparse.apply(x, Tensor.ones(device, 2, E)), "edges must be I32[2, E]");
    assertThatThrownBy(() -> sparse.apply(x, Tensor.of(device, new int[] {0, 4}, 2, 1)))
        .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("index 4");
    refuses(() -> new GraphConvolution(0, 2), "both must be positive");
    Module narrow = new Residual(new Linear(3, 2)).on(device, 1);
    refuses(() -> narrow.apply(x), "the body gives [4, 2] and the shortcut [4, 3]; give it a shortcut that fits");
  }

  private static void refuses(Supplier<?> call, String message) {
    assertThatThrownBy(call::get).isInstanceOf(ShapeException.class).hasMessageContaining(message);
  }

  @Test
  void residualAddsAndSkipConcatAppends() {
    Tensor x = Tensor.of(device, random(1, 6), 2, 3);
    Residual plain = new Residual(new Silu());
    assertThat(plain.on(device, 1).apply(x).toArray()).isEqualTo(x.add(Activations.silu(x)).toArray());
    Residual both = new Residual(new Silu(), new Tanh());
    assertThat(both.on(device, 1).apply(x).toArray()).isEqualTo(x.tanh().add(Activations.silu(x)).toArray());
    Tensor joined = new SkipConcat(new Silu(), 1).on(device, 1).apply(x);
    assertThat(joined.slice(1, 0, 3).toArray()).isEqualTo(x.toArray());
    assertThat(joined.slice(1, 3, 6).toArray()).isEqualTo(Activations.silu(x).toArray());
    assertThat(new Residual(new Linear(3, 3), new Linear(3, 3)).state().keySet()).containsExactly("body.weight",
        "body.bias", "shortcut.weight", "shortcut.bias");
  }

  @Test
  void tenStepsOfTrainingReplayAndLearn() {
    MessagePassing first = new MessagePassing(2, 8, MessagePassing.Aggregation.MEAN);
    GraphConvolution second = new GraphConvolution(8, 2);
    Block model = new BlockList<Block>(2, Arrays.<Block>asList(first, second).iterator()::next).on(device, 1);
    Tensor adjacency = GraphConvolution.normalized(Tensor.ones(device, V, V));
    Optimizer optimizer = new Adam(0.1).on(model);
    TrainStep step = TrainStep.of(optimizer, 1, in -> {
      Tensor y = second.apply(Activations.tanh(first.apply(in.get(0), in.get(1))), adjacency);
      Tensor loss = y.sub(in.get(0)).square().mean();
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    float before = 0;
    float after = 0;
    for (int k = 0; k < 10; k++) {
      after = step.runAll(List.of(HostArray.of(random(5, V * 2), V, 2), HostArray.of(EDGES, 2, E))).get(0).item();
      before = k == 0 ? after : before;
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(after).isLessThan(0.9f * before);
  }
}
