package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NormalizationTest {
  private static final long SEED = 5;
  private final Device device = new Device(new ReferenceBackend());
  private final Random random = new Random(SEED);

  private float[] numbers(int n) {
    float[] v = new float[n];
    for (int i = 0; i < n; i++) {
      v[i] = (float) (2 + 3 * random.nextGaussian());
    }
    return v;
  }

  private Scope step() {
    return Scope.training(device, new StepArena(device, "test"), new Tape(), null, null);
  }

  private float[] trained(Module layer, Tensor x) {
    try (Scope _ = step()) {
      return layer.apply(x).toArray();
    }
  }

  /** The oracle computes in double; what is read is rounded to fp32. */
  private static void assertClose(float[] got, double[] want) {
    assertThat(got).hasSize(want.length);
    for (int i = 0; i < want.length; i++) {
      assertThat((double) got[i]).as("element %d, seed %d", i, SEED)
          .isCloseTo(want[i], within(1e-6 * Math.max(1, Math.abs(want[i]))));
    }
  }

  /** Biased mean and variance of the elements of {@code x} for which {@code group} is {@code g}. */
  private static double[] statistics(float[] x, int[] group, int g) {
    double sum = 0;
    int n = 0;
    for (int i = 0; i < x.length; i++) {
      if (group[i] == g) {
        sum += x[i];
        n++;
      }
    }
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      if (group[i] == g) {
        squares += (x[i] - sum / n) * (x[i] - sum / n);
      }
    }
    return new double[] {sum / n, squares / n, n};
  }

  private static double[] normalised(float[] x, int[] group, double eps, float[] weight, float[] bias, int[] channel) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      double[] s = statistics(x, group, group[i]);
      y[i] = (x[i] - s[0]) / Math.sqrt(s[1] + eps) * weight[channel[i]] + bias[channel[i]];
    }
    return y;
  }

  /** Of every element of {@code [n, c, rest]} its channel. */
  private static int[] channels(int n, int c, int rest) {
    int[] channel = new int[n * c * rest];
    for (int i = 0; i < channel.length; i++) {
      channel[i] = i / rest % c;
    }
    return channel;
  }

  @Test
  void batchNormNormalisesChannelsByTheBatchAndFollowsItsStatistics() {
    int n = 4;
    int c = 3;
    int rest = 6;
    float[] weight = {1, -2, 0.5f};
    float[] bias = {0, 3, -1};
    int[] channel = channels(n, c, rest);
    for (Module layer : List.of(new BatchNorm2d(c), new BatchNorm1d(c))) {
      layer.on(device, 1);
      assertThat(layer.state().keySet()).containsExactly("weight", "bias", "running_mean", "running_var");
      assertThat(layer.parameters().keySet()).containsExactly("weight", "bias");
      layer.parameters().get("weight").tensor().write(weight);
      layer.parameters().get("bias").tensor().write(bias);
      int[] dims = layer instanceof BatchNorm2d ? new int[] {n, c, 2, 3} : new int[] {n, c, rest};
      double[] runningMean = new double[c];
      double[] runningVariance = {1, 1, 1};
      for (int round = 0; round < 3; round++) {
        float[] x = numbers(n * c * rest);
        assertClose(trained(layer, Tensor.of(device, x, dims)), normalised(x, channel, 1e-5, weight, bias, channel));
        for (int k = 0; k < c; k++) {
          double[] s = statistics(x, channel, k);
          runningMean[k] = 0.9 * runningMean[k] + 0.1 * s[0];
          runningVariance[k] = 0.9 * runningVariance[k] + 0.1 * s[1] * s[2] / (s[2] - 1);
        }
        assertClose(layer.state().get("running_mean").tensor().toArray(), runningMean);
        assertClose(layer.state().get("running_var").tensor().toArray(), runningVariance);
      }
      float[] x = numbers(2 * c * rest);
      dims[0] = 2;
      double[] want = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        int k = i / rest % c;
        want[i] = (x[i] - runningMean[k]) / Math.sqrt(runningVariance[k] + 1e-5) * weight[k] + bias[k];
      }
      assertClose(layer.apply(Tensor.of(device, x, dims)).toArray(), want);
      assertClose(layer.state().get("running_mean").tensor().toArray(), runningMean);
    }
  }

  @Test
  void batchNormTakesOptions() {
    BatchNormOptions options = BatchNormOptions.DEFAULT.withEps(0.5).withMomentum(0.25).withAffine(false);
    BatchNorm1d layer = new BatchNorm1d(1, options);
    layer.on(device, 1);
    assertThat(layer.state().keySet()).containsExactly("running_mean", "running_var");
    float[] y = trained(layer, Tensor.of(device, new float[] {1, 2, 3, 6}, 4, 1));
    assertThat(y).containsExactly(-1, -0.5f, 0, 1.5f);
    assertThat(layer.state().get("running_mean").tensor().toArray()).containsExactly(0.75f);
    assertThat(layer.state().get("running_var").tensor().toArray()[0]).isCloseTo(0.75f + 0.25f * 14 / 3, within(1e-6f));
    assertThatThrownBy(() -> BatchNormOptions.DEFAULT.withEps(0)).hasMessageContaining("eps must be positive");
    assertThatThrownBy(() -> BatchNormOptions.DEFAULT.withMomentum(2)).hasMessageContaining("between 0 and 1");
  }

  @Test
  void batchNormNamesWhatItCannotNormalise() {
    Module model = new Sequential(new BatchNorm2d(3)).on(device, 1);
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 2, 4, 5, 5))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.0").hasMessageContaining("[N, C, H, W] with C = 3, not [2, 4, 5, 5]");
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 2, 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("[N, C, H, W]");
    Module flat = new BatchNorm1d(3).on(device, 1);
    assertThatThrownBy(() -> trained(flat, Tensor.ones(device, 1, 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("one value per channel").hasMessageContaining("larger batch");
    assertThat(flat.apply(Tensor.ones(device, 1, 3)).shape().dims()).as("inference needs no batch").containsExactly(1,
        3);
    assertThatThrownBy(() -> new BatchNorm2d(0)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("at least one");
  }

  @Test
  void layerNormNormalisesEachExample() {
    LayerNorm layer = new LayerNorm(2, 3);
    layer.on(device, 1);
    assertThat(layer.state().keySet()).containsExactly("weight", "bias");
    float[] weight = numbers(6);
    float[] bias = numbers(6);
    layer.loadState(Map.of("weight", HostArray.of(weight, 2, 3), "bias", HostArray.of(bias, 2, 3)));
    float[] x = numbers(4 * 5 * 6);
    int[] example = new int[x.length];
    int[] place = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      example[i] = i / 6;
      place[i] = i % 6;
    }
    double[] want = normalised(x, example, 1e-5, weight, bias, place);
    assertClose(layer.apply(Tensor.of(device, x, 4, 5, 2, 3)).toArray(), want);
    assertClose(trained(layer, Tensor.of(device, x, 20, 2, 3)), want);
    LayerNorm bare = new LayerNorm(new int[] {6}, 0.1, false);
    bare.on(device, 1);
    assertThat(bare.state()).isEmpty();
    float[] ones = {1, 1, 1, 1, 1, 1};
    assertClose(bare.apply(Tensor.of(device, x, 20, 6)).toArray(),
        normalised(x, example, 0.1, ones, new float[6], place));
  }

  @Test
  void layerNormNamesTheDimensionsItWasMadeFor() {
    Module model = new Sequential(new LayerNorm(8)).on(device, 1);
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 2, 9))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.0").hasMessageContaining("LayerNorm over [8] of [2, 9]");
    assertThatThrownBy(() -> new LayerNorm(2, 3).on(device, 1).apply(Tensor.ones(device, 3)))
        .isInstanceOf(ShapeException.class).hasMessageContaining("[2, 3]");
    assertThatThrownBy(() -> new LayerNorm()).isInstanceOf(ShapeException.class).hasMessageContaining("dimensions");
    assertThatThrownBy(() -> new LayerNorm(new int[] {3}, 0, true)).hasMessageContaining("eps 0.0");
  }

  @Test
  void rmsNormDividesByTheRootMeanSquare() {
    RMSNorm layer = new RMSNorm(new int[] {4}, 0.5);
    layer.on(device, 1);
    assertThat(layer.state().keySet()).containsExactly("weight");
    float[] weight = {1, 2, -1, 0.5f};
    layer.parameters().get("weight").tensor().write(weight);
    float[] x = numbers(12);
    double[] want = new double[12];
    for (int i = 0; i < 12; i++) {
      double squares = 0;
      for (int k = 0; k < 4; k++) {
        squares += x[i / 4 * 4 + k] * (double) x[i / 4 * 4 + k];
      }
      want[i] = x[i] / Math.sqrt(squares / 4 + 0.5) * weight[i % 4];
    }
    assertClose(layer.apply(Tensor.of(device, x, 3, 4)).toArray(), want);
    assertThatThrownBy(() -> layer.apply(Tensor.ones(device, 3, 5))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("RMSNorm over [4]");
  }

  @Test
  void groupNormNormalisesGroupsOfChannels() {
    int n = 3;
    int c = 6;
    int rest = 4;
    GroupNorm layer = new GroupNorm(2, c);
    layer.on(device, 1);
    assertThat(layer.state().keySet()).containsExactly("weight", "bias");
    float[] weight = numbers(c);
    float[] bias = numbers(c);
    layer.loadState(Map.of("weight", HostArray.of(weight, c), "bias", HostArray.of(bias, c)));
    float[] x = numbers(n * c * rest);
    int[] channel = channels(n, c, rest);
    int[] group = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      group[i] = i / (c * rest) * 2 + channel[i] / 3;
    }
    double[] want = normalised(x, group, 1e-5, weight, bias, channel);
    assertClose(layer.apply(Tensor.of(device, x, n, c, 2, 2)).toArray(), want);
    assertThat(layer.apply(Tensor.of(device, x, n, c, 2, 2)).shape().dims()).containsExactly(n, c, 2, 2);
    assertClose(trained(layer, Tensor.of(device, x, n, c, rest)), want);
    assertThatThrownBy(() -> new GroupNorm(4, 6)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("6 channels do not fall into 4 groups");
    assertThatThrownBy(() -> layer.apply(Tensor.ones(device, 2, 5, 2, 2))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("C = 6");
  }

  @Test
  void instanceNormNormalisesEachChannelOfEachExample() {
    int n = 2;
    int c = 3;
    int rest = 5;
    float[] x = numbers(n * c * rest);
    int[] instance = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      instance[i] = i / rest;
    }
    int[] channel = channels(n, c, rest);
    InstanceNorm bare = new InstanceNorm(c);
    bare.on(device, 1);
    assertThat(bare.state()).isEmpty();
    assertClose(bare.apply(Tensor.of(device, x, n, c, rest)).toArray(),
        normalised(x, instance, 1e-5, new float[] {1, 1, 1}, new float[3], channel));
    InstanceNorm affine = new InstanceNorm(c, 1e-3, true);
    affine.on(device, 1);
    float[] weight = numbers(c);
    float[] bias = numbers(c);
    affine.loadState(Map.of("weight", HostArray.of(weight, c), "bias", HostArray.of(bias, c)));
    assertClose(affine.apply(Tensor.of(device, x, n, c, 1, rest)).toArray(),
        normalised(x, instance, 1e-3, weight, bias, channel));
    assertThatThrownBy(() -> bare.apply(Tensor.ones(device, 2, 3, 1, 1))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("one value per channel and example");
  }

  private static final BatchRenormOptions SOON =
      new BatchRenormOptions(1e-3, 0.25, 1.5, 0.5, 1, 3, 5);

  /** Algorithm 1 of the paper, step by step, with limits that grow from step 1 to steps 3 and 5. */
  @Test
  void batchRenormCorrectsTowardsTheRunningStatisticsWithinItsLimits() {
    int n = 4;
    int c = 2;
    BatchRenorm layer = new BatchRenorm(c, SOON);
    layer.on(device, 1);
    assertThat(layer.state().keySet()).containsExactly("weight", "bias", "running_mean", "running_std",
        "num_batches_tracked");
    float[] weight = {2, -1};
    float[] bias = {0.5f, 0};
    layer.parameters().get("weight").tensor().write(weight);
    layer.parameters().get("bias").tensor().write(bias);
    double[] mean = new double[c];
    double[] std = {1, 1};
    int[] channel = channels(n, c, 3);
    boolean clipped = false;
    boolean free = false;
    for (int t = 0; t < 12; t++) {
      float[] x = numbers(n * c * 3);
      float[] y = trained(layer, Tensor.of(device, x, n, c, 3));
      double rMax = 1 + 0.5 * Math.clamp((t - 1) / 2.0, 0, 1);
      double dMax = 0.5 * Math.clamp((t - 1) / 4.0, 0, 1);
      double[] want = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        int k = channel[i];
        double[] s = statistics(x, channel, k);
        double sigma = Math.sqrt(s[1] + 1e-3);
        double r = Math.clamp(sigma / std[k], 1 / rMax, rMax);
        double d = Math.clamp((s[0] - mean[k]) / std[k], -dMax, dMax);
        clipped |= t > 5 && (r == rMax || Math.abs(d) == dMax);
        free |= t > 5 && Math.abs(d) < dMax;
        want[i] = ((x[i] - s[0]) / sigma * r + d) * weight[k] + bias[k];
      }
      assertClose(y, want);
      for (int k = 0; k < c; k++) {
        double[] s = statistics(x, channel, k);
        mean[k] += 0.25 * (s[0] - mean[k]);
        std[k] += 0.25 * (Math.sqrt(s[1] + 1e-3) - std[k]);
      }
      assertClose(layer.state().get("running_mean").tensor().toArray(), mean);
      assertClose(layer.state().get("running_std").tensor().toArray(), std);
      assertThat(layer.state().get("num_batches_tracked").tensor().item()).isEqualTo(t + 1);
    }
    assertThat(clipped && free).as("both sides of a limit were met").isTrue();
    float[] x = numbers(c * 3);
    double[] want = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      want[i] = (x[i] - mean[i / 3]) / std[i / 3] * weight[i / 3] + bias[i / 3];
    }
    assertClose(layer.apply(Tensor.of(device, x, 1, c, 3)).toArray(), want);
  }

  /** r and d are constants: the gradient is that of normalising, times r. */
  @Test
  void batchRenormHasNoGradientThroughItsCorrections() {
    BatchRenorm layer = new BatchRenorm(2, SOON);
    layer.on(device, 1);
    layer.state().get("num_batches_tracked").tensor().write(HostArray.of(new float[] {100}));
    layer.state().get("running_std").tensor().write(new float[] {2.5f, 4});
    float[] x = numbers(12);
    Tensor direction = Tensor.of(device, numbers(12), 6, 2);
    float[] got;
    float[] want;
    Tensor leaf = Tensor.of(device, x, 6, 2).requireGrad();
    try (Scope _ = step()) {
      got = Gradients.of(layer.apply(leaf).mul(direction).sum()).get(leaf).toArray();
    }
    int[] channel = channels(6, 2, 1);
    float[] r = new float[2];
    for (int k = 0; k < 2; k++) {
      double sigma = Math.sqrt(statistics(x, channel, k)[1] + 1e-3);
      r[k] = (float) Math.clamp(sigma / (k == 0 ? 2.5 : 4), 1 / 1.5, 1.5);
    }
    Tensor factor = Tensor.of(device, r, 1, 2);
    try (Scope _ = step()) {
      Tensor z = Execution.one(new Normalize(List.of(0), 1e-3, false), leaf);
      want = Gradients.of(z.mul(factor).mul(direction).sum()).get(leaf).toArray();
    }
    double[] doubles = new double[want.length];
    for (int i = 0; i < want.length; i++) {
      doubles[i] = want[i];
    }
    assertClose(got, doubles);
  }

  @Test
  void batchRenormChecksItsOptions() {
    BatchRenormOptions o = BatchRenormOptions.DEFAULT;
    assertThatThrownBy(() -> o.withEps(0)).hasMessageContaining("eps");
    assertThatThrownBy(() -> o.withMomentum(-1)).hasMessageContaining("momentum");
    assertThatThrownBy(() -> o.withLimits(0.5, 1)).hasMessageContaining("rMax 0.5");
    assertThatThrownBy(() -> o.withSchedule(10, 10, 20)).hasMessageContaining("after the warm-up");
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    GradientCheck.check(new BatchNorm2d(3), 4, 3, 2, 2);
    GradientCheck.check(new BatchNorm1d(3), 6, 3);
    GradientCheck.check(new BatchNorm1d(3, BatchNormOptions.DEFAULT.withAffine(false)), 3, 3, 4);
    GradientCheck.check(new LayerNorm(5), 3, 5);
    GradientCheck.check(new LayerNorm(new int[] {2, 3}, 1e-2, false), 2, 2, 2, 3);
    GradientCheck.check(new RMSNorm(5), 2, 3, 5);
    GradientCheck.check(new GroupNorm(2, 6), 2, 6, 2, 2);
    GradientCheck.check(new GroupNorm(3, 6, 1e-3, false), 2, 6, 4);
    GradientCheck.check(new InstanceNorm(3, 1e-3, true), 2, 3, 5);
    GradientCheck.check(new InstanceNorm(3), 2, 3, 2, 3);
    // During the warm-up r is 1 and d is 0, so that finite differences see constants too.
    GradientCheck.check(new BatchRenorm(3), 5, 3, 2);
  }

  @Test
  void stepsAreReplayed() {
    ReplayCheck.check(() -> new BatchNorm2d(3), 4, 3, 2, 2);
    ReplayCheck.check(() -> new BatchRenorm(3, SOON), 5, 3, 2);
    ReplayCheck.check(() -> new LayerNorm(5), 3, 5);
    ReplayCheck.check(() -> new RMSNorm(5), 3, 5);
    ReplayCheck.check(() -> new GroupNorm(2, 4), 2, 4, 3);
    ReplayCheck.check(() -> new InstanceNorm(2, 1e-5, true), 2, 2, 3);
  }
}
