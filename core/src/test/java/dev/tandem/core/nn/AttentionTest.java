package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionTest {
  private static final int N = 2;
  private static final int T = 3;
  private static final int S = 4;
  private static final int E = 6;
  private static final int HEADS = 2;
  private static final boolean[] PADDING = {false, true, false, false, false, false, false, true};

  private final Device device = new Device(new ReferenceBackend());

  private Tensor random(long seed, int... dims) {
    Random random = new Random(seed);
    float[] values = new float[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, values, dims);
  }

  private MultiHeadAttention attention() {
    MultiHeadAttention layer = new MultiHeadAttention(E, HEADS);
    layer.on(device, 1);
    layer.parameters().forEach((path, p) -> p.tensor().write(random(path.hashCode(), p.shape().dims()).toHost()));
    return layer;
  }

  /** {@code W x + b} for the rows of W from {@code first} on, of every step of {@code x [.., E]}. */
  private static double[] project(float[] weight, float[] bias, int first, float[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int row = first + i % E;
      y[i] = bias[row];
      for (int j = 0; j < E; j++) {
        y[i] += weight[row * E + j] * x[i / E * E + j];
      }
    }
    return y;
  }

  private static double[] byHand(MultiHeadAttention layer, float[] query, float[] key, float[] value, int keys,
      boolean[] padding, boolean causal) {
    float[] w = layer.state().get("in_proj_weight").tensor().toArray();
    float[] b = layer.state().get("in_proj_bias").tensor().toArray();
    double[] q = project(w, b, 0, query);
    double[] k = project(w, b, E, key);
    double[] v = project(w, b, 2 * E, value);
    int queries = query.length / N / E;
    int d = E / HEADS;
    float[] joined = new float[query.length];
    for (int n = 0; n < N; n++) {
      for (int h = 0; h < HEADS; h++) {
        for (int t = 0; t < queries; t++) {
          double[] weight = new double[keys];
          double sum = 0;
          for (int s = 0; s < keys; s++) {
            double score = 0;
            for (int j = 0; j < d; j++) {
              score += q[(n * queries + t) * E + h * d + j] * k[(n * keys + s) * E + h * d + j];
            }
            boolean masked = causal && s > t || padding != null && padding[n * keys + s];
            weight[s] = masked ? 0 : Math.exp(score / Math.sqrt(d));
            sum += weight[s];
          }
          for (int j = 0; j < d; j++) {
            double total = 0;
            for (int s = 0; s < keys; s++) {
              total += weight[s] / sum * v[(n * keys + s) * E + h * d + j];
            }
            joined[(n * queries + t) * E + h * d + j] = (float) total;
          }
        }
      }
    }
    return project(layer.state().get("out_proj.weight").tensor().toArray(),
        layer.state().get("out_proj.bias").tensor().toArray(), 0, joined);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void attentionFollowsItsEquation(boolean causal, boolean padded) {
    MultiHeadAttention layer = attention();
    Tensor query = random(1, N, T, E);
    Tensor key = random(2, N, S, E);
    Tensor value = random(3, N, S, E);
    Tensor padding = padded ? Tensor.of(device, PADDING, N, S) : null;
    for (Tensor[] in : new Tensor[][] {{query, key, value}, {query, key, key}, {key, key, key}}) {
      float[] got = layer.apply(in[0], in[1], in[2], padding, causal).toArray();
      double[] want = byHand(layer, in[0].toArray(), in[1].toArray(), in[2].toArray(), S, padded ? PADDING : null,
          causal);
      for (int i = 0; i < want.length; i++) {
        // The loops above round the joined heads to fp32; six products follow.
        assertThat((double) got[i]).isCloseTo(want[i], within(2e-6));
      }
    }
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    MultiHeadAttention cross = new MultiHeadAttention(E, HEADS, 0.3);
    GradientCheck.check(cross, in -> cross.apply(in.get(0), in.get(1), in.get(2),
        Tensor.of(cross.device(), PADDING, N, S), true), new int[] {N, T, E}, new int[] {N, S, E}, new int[] {N, S, E});
    MultiHeadAttention memory = new MultiHeadAttention(E, HEADS);
    GradientCheck.check(memory, in -> memory.apply(in.get(0), in.get(1), in.get(1)), new int[] {N, T, E},
        new int[] {N, S, E});
    MultiHeadAttention self = new MultiHeadAttention(E, HEADS);
    GradientCheck.check(self, in -> self.apply(in.get(0), null, true), new int[] {N, T, E});
  }

  /** A query whose keys are all padding still gives numbers, and gradients. */
  @Test
  void aQueryWithoutKeysAttendsEvenlyToAll() {
    MultiHeadAttention layer = attention();
    Tensor x = random(1, N, S, E);
    boolean[] all = {true, true, true, true, false, false, false, false};
    float[] y = layer.apply(x, Tensor.of(device, all, N, S), false).toArray();
    for (int i = 0; i < E; i++) {
      assertThat(y[i]).isFinite().isEqualTo(y[E + i]);
    }
    MultiHeadAttention checked = new MultiHeadAttention(E, HEADS);
    GradientCheck.check(checked, in -> checked.apply(in.get(0), Tensor.of(checked.device(), all, N, S), false),
        new int[] {N, S, E});
  }

  @Test
  void stateIsNamedAndShapedAsInPyTorch() {
    MultiHeadAttention layer = new MultiHeadAttention(E, HEADS, 0.1);
    assertThat(layer.state().keySet()).containsExactly("in_proj_weight", "in_proj_bias", "out_proj.weight",
        "out_proj.bias");
    assertThat(layer.state().get("in_proj_weight").shape().dims()).containsExactly(3 * E, E);
    layer.on(device, 1);
    // Glorot: sqrt(6 / (3E + E)).
    for (float v : layer.state().get("in_proj_weight").tensor().toArray()) {
      assertThat(Math.abs(v)).isLessThanOrEqualTo(0.5f);
    }
    assertThat(layer.state().get("in_proj_bias").tensor().toArray()).containsOnly(0);
    assertThat(layer.state().get("out_proj.bias").tensor().toArray()).containsOnly(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 7})
  void headsDivideTheFeatures(int heads) {
    assertThatThrownBy(() -> new MultiHeadAttention(E, heads)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("must divide evenly");
  }

  @Test
  void mistakesAreNamed() {
    MultiHeadAttention layer = attention();
    Tensor x = random(1, N, T, E);
    refuses(() -> layer.apply(random(1, T, E), null, false), "queries must be [N, T, 6]");
    refuses(() -> layer.apply(x, random(1, N, S, 4), random(1, N, S, 4)), "keys and values must both be [2, S, 6]");
    refuses(() -> layer.apply(x, random(1, N, S, E), x), "keys and values must both be [2, S, 6]");
    refuses(() -> layer.apply(x, Tensor.of(device, new boolean[N * S], N, S), false),
        "key padding must be BOOL[2, 3], true where a key is padding");
    refuses(() -> layer.apply(x, Tensor.zeros(device, N, T), false), "key padding must be BOOL[2, 3]");
  }

  private static void refuses(Supplier<?> call, String message) {
    assertThatThrownBy(call::get).isInstanceOf(ShapeException.class)
        .hasMessageContainingAll("MultiHeadAttention of F32[", message);
  }
}
