package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransformerTest {
  private static final int N = 2;
  private static final int T = 3;
  private static final int S = 4;
  private static final int E = 4;
  private static final boolean[] PADDING = {false, false, true, false, false, false};
  private static final TransformerOptions OPTIONS =
      TransformerOptions.of(E, 2).withFeedForward(7).withActivation(Activations::gelu);

  private final Device device = new Device(new ReferenceBackend());

  private Tensor random(long seed, int... dims) {
    Random random = new Random(seed);
    float[] values = new float[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, values, dims);
  }

  private void randomise(Block block) {
    block.on(device, 1);
    block.parameters().forEach((path, p) -> p.tensor().write(random(path.hashCode(), p.shape().dims()).toHost()));
  }

  private static double[] linear(Block block, String name, double[] x) {
    float[] w = block.state().get(name + ".weight").tensor().toArray();
    float[] b = block.state().get(name + ".bias").tensor().toArray();
    int in = w.length / b.length;
    double[] y = new double[x.length / in * b.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = b[i % b.length];
      for (int j = 0; j < in; j++) {
        y[i] += w[i % b.length * in + j] * x[i / b.length * in + j];
      }
    }
    return y;
  }

  private static double[] norm(Block block, String name, double[] x) {
    float[] w = block.state().get(name + ".weight").tensor().toArray();
    float[] b = block.state().get(name + ".bias").tensor().toArray();
    double[] y = new double[x.length];
    for (int row = 0; row < x.length; row += E) {
      double mean = 0;
      double variance = 0;
      for (int j = 0; j < E; j++) {
        mean += x[row + j] / E;
      }
      for (int j = 0; j < E; j++) {
        variance += (x[row + j] - mean) * (x[row + j] - mean) / E;
      }
      for (int j = 0; j < E; j++) {
        y[row + j] = (x[row + j] - mean) / Math.sqrt(variance + 1e-5) * w[j] + b[j];
      }
    }
    return y;
  }

  private static double[] plus(double[] a, double[] b) {
    double[] sum = a.clone();
    Arrays.setAll(sum, i -> a[i] + b[i]);
    return sum;
  }

  private static double[] feedForward(Block block, double[] x) {
    return linear(block, "linear2",
        Arrays.stream(linear(block, "linear1", x)).map(v -> Math.max(0, v)).toArray());
  }

  private static double[] doubles(Tensor t) {
    float[] values = t.toArray();
    double[] r = new double[values.length];
    Arrays.setAll(r, i -> values[i]);
    return r;
  }

  private Tensor tensor(double[] x, int... dims) {
    float[] values = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      values[i] = (float) x[i];
    }
    return Tensor.of(device, values, dims);
  }

  /** Attention has a test of its own; here are the order of the parts and what is added to what. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void encoderLayerFollowsItsEquations(boolean preNorm) {
    TransformerEncoderLayer layer =
        new TransformerEncoderLayer(TransformerOptions.of(E, 2).withFeedForward(7).withPreNorm(preNorm));
    randomise(layer);
    Tensor padding = Tensor.of(device, PADDING, N, T);
    double[] x = doubles(random(1, N, T, E));
    double[] want;
    if (preNorm) {
      double[] self = plus(x,
          doubles(layer.selfAttention.apply(tensor(norm(layer, "norm1", x), N, T, E), padding, true)));
      want = plus(self, feedForward(layer, norm(layer, "norm2", self)));
    } else {
      double[] self = norm(layer, "norm1",
          plus(x, doubles(layer.selfAttention.apply(tensor(x, N, T, E), padding, true))));
      want = norm(layer, "norm2", plus(self, feedForward(layer, self)));
    }
    close(layer.apply(tensor(x, N, T, E), padding, true), want);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void decoderLayerFollowsItsEquations(boolean preNorm) {
    TransformerDecoderLayer layer =
        new TransformerDecoderLayer(TransformerOptions.of(E, 2).withFeedForward(7).withPreNorm(preNorm));
    randomise(layer);
    MultiHeadAttention cross = (MultiHeadAttention) layer.children().get("multihead_attn");
    Tensor padding = Tensor.of(device, PADDING, N, T);
    Tensor memory = random(2, N, S, E);
    double[] x = doubles(random(1, N, T, E));
    double[] want;
    if (preNorm) {
      double[] self = plus(x,
          doubles(layer.selfAttention.apply(tensor(norm(layer, "norm1", x), N, T, E), padding, true)));
      double[] both = plus(self, doubles(cross.apply(tensor(norm(layer, "norm2", self), N, T, E), memory, memory)));
      want = plus(both, feedForward(layer, norm(layer, "norm3", both)));
    } else {
      double[] self = norm(layer, "norm1",
          plus(x, doubles(layer.selfAttention.apply(tensor(x, N, T, E), padding, true))));
      double[] both = norm(layer, "norm2", plus(self, doubles(cross.apply(tensor(self, N, T, E), memory, memory))));
      want = norm(layer, "norm3", plus(both, feedForward(layer, both)));
    }
    close(layer.apply(tensor(x, N, T, E), memory, padding, null, true), want);
  }

  private static void close(Tensor got, double[] want) {
    float[] values = got.toArray();
    for (int i = 0; i < want.length; i++) {
      // What goes through attention above is rounded to fp32 twice.
      assertThat((double) values[i]).isCloseTo(want[i], within(1e-5 * (1 + Math.abs(want[i]))));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void gradientsAgreeWithFiniteDifferences(boolean preNorm) {
    TransformerEncoder encoder = new TransformerEncoder(2, OPTIONS.withPreNorm(preNorm));
    GradientCheck.check(encoder,
        in -> encoder.apply(in.get(0), Tensor.of(encoder.device(), PADDING, N, T), true), new int[] {N, T, E});
    TransformerDecoder decoder = new TransformerDecoder(2, OPTIONS.withPreNorm(preNorm));
    GradientCheck.check(decoder, in -> decoder.apply(in.get(0), in.get(1), null,
        Tensor.of(decoder.device(), new boolean[] {true, false, false, false, false, false, true, true}, N, S), true),
        new int[] {N, T, E}, new int[] {N, S, E});
  }

  @Test
  void stateIsNamedAsInPyTorch() {
    List<String> attention = List.of("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias");
    List<String> rest = List.of("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight",
        "norm1.bias", "norm2.weight", "norm2.bias");
    List<String> encoder = new ArrayList<>();
    attention.forEach(s -> encoder.add("self_attn." + s));
    encoder.addAll(rest);
    assertThat(new TransformerEncoderLayer(OPTIONS).state().keySet()).containsExactlyInAnyOrderElementsOf(encoder);
    List<String> decoder = new ArrayList<>(encoder);
    attention.forEach(s -> decoder.add("multihead_attn." + s));
    decoder.addAll(List.of("norm3.weight", "norm3.bias"));
    assertThat(new TransformerDecoderLayer(OPTIONS).state().keySet()).containsExactlyInAnyOrderElementsOf(decoder);
    List<String> stack = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      String layer = "layers." + i + ".";
      encoder.forEach(s -> stack.add(layer + s));
    }
    assertThat(new TransformerEncoder(2, OPTIONS).state().keySet()).containsExactlyInAnyOrderElementsOf(stack);
    stack.addAll(List.of("norm.weight", "norm.bias"));
    assertThat(new TransformerEncoder(2, OPTIONS.withPreNorm(true)).state().keySet())
        .containsExactlyInAnyOrderElementsOf(stack);
  }

  @Test
  void causalStepsDoNotSeeLaterOnesAndPaddingIsNotSeen() {
    TransformerEncoder model = new TransformerEncoder(2, OPTIONS.withPreNorm(true));
    randomise(model);
    Tensor x = random(1, 1, S, E);
    Tensor changed = Tensor.concat(1, x.slice(1, 0, 2), random(2, 1, 2, E));
    assertThat(model.apply(x, null, true).slice(1, 0, 2).toArray())
        .isEqualTo(model.apply(changed, null, true).slice(1, 0, 2).toArray());
    assertThat(model.apply(x).slice(1, 0, 2).toArray()).isNotEqualTo(model.apply(changed).slice(1, 0, 2).toArray());
    Tensor padding = Tensor.of(device, new boolean[] {false, false, true, true}, 1, S);
    assertThat(model.apply(x, padding, false).slice(1, 0, 2).toArray())
        .isEqualTo(model.apply(changed, padding, false).slice(1, 0, 2).toArray());
  }

  @Test
  void tenStepsOfTrainingReplayAndLearn() {
    Module model = new Sequential(new Embedding(8, 8, 0), PositionalEncoding.sinusoidal(8, 16),
        new TransformerEncoder(2, TransformerOptions.of(8, 2).withPreNorm(true)), new Linear(8, 8)).on(device, 1);
    Optimizer optimizer = new Adam(0.02).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, in -> {
      Tensor logits = model.apply(in.get(0)).reshape(-1, 8);
      Tensor loss = Losses.crossEntropy().apply(logits, in.get(0).reshape(-1));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    float first = 0;
    float last = 0;
    for (int k = 0; k < 10; k++) {
      int[] symbols = new int[4 * 5];
      Arrays.setAll(symbols, i -> (i * 3 + 1) % 8);
      last = step.run(Batch.of(HostArray.of(symbols, 4, 5))).item();
      first = k == 0 ? last : first;
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(last).isLessThan(0.6f * first);
  }

  @Test
  void aStackHasALayer() {
    assertThatThrownBy(() -> new TransformerEncoder(0, OPTIONS)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 layers; there must be at least 1");
  }
}
