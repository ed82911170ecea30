package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.data.Batch;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecurrentLayersTest {
  private static final int T = 4;
  private static final int N = 3;
  private static final int I = 5;
  private static final int H = 2;
  private static final RecurrentOptions TWO_BOTH_WAYS =
      RecurrentOptions.DEFAULT.withLayers(2).withBidirectional(true);

  private final Device device = new Device(new ReferenceBackend());

  private static Tensor random(Device device, long seed, int... dims) {
    Random random = new Random(seed);
    float[] values = new float[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, values, dims);
  }

  private static double sigmoid(double v) {
    return 1 / (1 + Math.exp(-v));
  }

  /** One sum of products per gate row: {@code W v + b}. */
  private static double[] affine(Block layer, String weight, String bias, double[] v) {
    float[] w = layer.state().get(weight).tensor().toArray();
    float[] b = layer.state().get(bias).tensor().toArray();
    double[] sums = new double[b.length];
    for (int r = 0; r < b.length; r++) {
      sums[r] = b[r];
      for (int j = 0; j < v.length; j++) {
        sums[r] += w[r * v.length + j] * v[j];
      }
    }
    return sums;
  }

  private interface Cell {
    /** New h; c is overwritten. */
    double[] step(Block layer, double[] x, double[] h, double[] c);
  }

  private static double[] elman(Block layer, double[] x, double[] h, boolean relu) {
    double[] a = affine(layer, "weight_ih_l0", "bias_ih_l0", x);
    double[] b = affine(layer, "weight_hh_l0", "bias_hh_l0", h);
    double[] next = new double[H];
    Arrays.setAll(next, j -> relu ? Math.max(0, a[j] + b[j]) : Math.tanh(a[j] + b[j]));
    return next;
  }

  private static double[] lstm(Block layer, double[] x, double[] h, double[] c) {
    double[] a = affine(layer, "weight_ih_l0", "bias_ih_l0", x);
    double[] b = affine(layer, "weight_hh_l0", "bias_hh_l0", h);
    double[] next = new double[H];
    for (int j = 0; j < H; j++) {
      double i = sigmoid(a[j] + b[j]);
      double f = sigmoid(a[H + j] + b[H + j]);
      double g = Math.tanh(a[2 * H + j] + b[2 * H + j]);
      double o = sigmoid(a[3 * H + j] + b[3 * H + j]);
      c[j] = f * c[j] + i * g;
      next[j] = o * Math.tanh(c[j]);
    }
    return next;
  }

  private static double[] gru(Block layer, double[] x, double[] h) {
    double[] a = affine(layer, "weight_ih_l0", "bias_ih_l0", x);
    double[] b = affine(layer, "weight_hh_l0", "bias_hh_l0", h);
    double[] next = new double[H];
    for (int j = 0; j < H; j++) {
      double r = sigmoid(a[j] + b[j]);
      double z = sigmoid(a[H + j] + b[H + j]);
      double n = Math.tanh(a[2 * H + j] + r * b[2 * H + j]);
      next[j] = (1 - z) * n + z * h[j];
    }
    return next;
  }

  private static double[] gruAsPublished(Block layer, double[] x, double[] h) {
    double[] a = affine(layer, "weight_ih_l0", "bias_ih_l0", x);
    double[] b = affine(layer, "weight_hh_l0", "bias_hh_l0", h);
    double[] kept = new double[H];
    Arrays.setAll(kept, j -> sigmoid(a[j] + b[j]) * h[j]);
    double[] candidate = affine(layer, "weight_hh_l0", "bias_hh_l0", kept);
    double[] next = new double[H];
    for (int j = 0; j < H; j++) {
      double z = sigmoid(a[H + j] + b[H + j]);
      next[j] = (1 - z) * h[j] + z * Math.tanh(a[2 * H + j] + candidate[2 * H + j]);
    }
    return next;
  }

  private void followsItsEquations(RecurrentLayer layer, Cell cell) {
    layer.on(device, 5);
    layer.parameters()
        .forEach((path, p) -> p.tensor().write(random(device, path.hashCode(), p.shape().dims()).toHost()));
    Tensor x = random(device, 1, T, N, I);
    float[] values = x.toArray();
    float[] y = layer.apply(x).toArray();
    for (int n = 0; n < N; n++) {
      double[] h = new double[H];
      double[] c = new double[H];
      for (int t = 0; t < T; t++) {
        double[] step = new double[I];
        int from = (t * N + n) * I;
        Arrays.setAll(step, i -> values[from + i]);
        h = cell.step(layer, step, h, c);
        for (int j = 0; j < H; j++) {
          // The oracle computes in double precision; its results are read as fp32.
          assertThat((double) y[(t * N + n) * H + j]).as("step %s of sequence %s", t, n)
              .isCloseTo(h[j], within(2e-7 * (1 + Math.abs(h[j]))));
        }
      }
    }
  }

  @Test
  void rnnFollowsItsEquations() {
    followsItsEquations(new Rnn(I, H), (layer, x, h, c) -> elman(layer, x, h, false));
    followsItsEquations(new Rnn(I, H, Rnn.Nonlinearity.RELU, RecurrentOptions.DEFAULT),
        (layer, x, h, c) -> elman(layer, x, h, true));
  }

  @Test
  void lstmFollowsItsEquations() {
    followsItsEquations(new Lstm(I, H), RecurrentLayersTest::lstm);
  }

  @Test
  void gruFollowsItsEquations() {
    followsItsEquations(new Gru(I, H), (layer, x, h, c) -> gru(layer, x, h));
    followsItsEquations(new Gru(I, H, Gru.Reset.BEFORE, RecurrentOptions.DEFAULT),
        (layer, x, h, c) -> gruAsPublished(layer, x, h));
  }

  @Test
  void stateIsNamedAndShapedAsInPyTorch() {
    Lstm layer = new Lstm(I, H, TWO_BOTH_WAYS.withDropout(0.5));
    assertThat(layer.state().keySet()).containsExactly("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
        "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1",
        "weight_hh_l1", "bias_ih_l1", "bias_hh_l1", "weight_ih_l1_reverse", "weight_hh_l1_reverse",
        "bias_ih_l1_reverse", "bias_hh_l1_reverse");
    assertThat(layer.state().get("weight_ih_l0").shape().dims()).containsExactly(4 * H, I);
    assertThat(layer.state().get("weight_ih_l1_reverse").shape().dims()).containsExactly(4 * H, 2 * H);
    assertThat(layer.state().get("weight_hh_l1").shape().dims()).containsExactly(4 * H, H);
    assertThat(layer.state().get("bias_hh_l1").shape().dims()).containsExactly(4 * H);
    assertThat(new Gru(I, H).state().get("weight_hh_l0").shape().dims()).containsExactly(3 * H, H);
    assertThat(new Rnn(I, H).state().get("weight_hh_l0").shape().dims()).containsExactly(H, H);
  }

  @Test
  void parametersBeginWithinOneOverTheRootOfTheHiddenSize() {
    Gru layer = new Gru(3, 64);
    layer.on(device, 7);
    for (Parameter p : layer.parameters().values()) {
      float[] values = p.tensor().toArray();
      Arrays.sort(values);
      assertThat(values[0]).isBetween(-0.125f, -0.11f);
      assertThat(values[values.length - 1]).isBetween(0.11f, 0.125f);
    }
  }

  static Stream<Supplier<RecurrentLayer>> stacks() {
    return Stream.of(() -> new Rnn(I, H, TWO_BOTH_WAYS), () -> new Gru(I, H, TWO_BOTH_WAYS),
        () -> new Gru(I, H, Gru.Reset.BEFORE, TWO_BOTH_WAYS), () -> new Lstm(I, H, TWO_BOTH_WAYS));
  }

  private static List<Tensor> all(RecurrentLayer layer, Tensor x, List<Tensor> initial, Tensor lengths) {
    return switch (layer) {
      case Rnn r -> parts(r.apply(x, initial.get(0), lengths));
      case Gru g -> parts(g.apply(x, initial.get(0), lengths));
      case Lstm l -> {
        LstmOutput out = l.apply(x, initial.get(0), initial.get(1), lengths);
        yield List.of(out.output(), out.h(), out.c());
      }
    };
  }

  private static List<Tensor> parts(RecurrentOutput out) {
    return List.of(out.output(), out.h());
  }

  @ParameterizedTest
  @MethodSource("stacks")
  void aBatchOfDifferentLengthsIsItsSequencesAlone(Supplier<RecurrentLayer> stack) {
    RecurrentLayer layer = stack.get();
    layer.on(device, 5);
    int[] lengths = {2, T, 1};
    Tensor x = random(device, 1, T, N, I);
    List<Tensor> initial = List.of(random(device, 2, 4, N, H), random(device, 3, 4, N, H));
    List<Tensor> batch = all(layer, x, initial, Tensor.of(device, lengths, N));
    for (int n = 0; n < N; n++) {
      int at = n;
      List<Tensor> alone = all(layer, x.slice(0, 0, lengths[n]).slice(1, n, n + 1),
          initial.stream().map(s -> s.slice(1, at, at + 1)).toList(), null);
      assertThat(batch.get(0).slice(0, 0, lengths[n]).select(1, n).toArray())
          .isEqualTo(alone.get(0).select(1, 0).toArray());
      for (float v : batch.get(0).slice(0, lengths[n], T).select(1, n).toArray()) {
        assertThat(v).isZero();
      }
      for (int s = 1; s < batch.size(); s++) {
        assertThat(batch.get(s).select(1, n).toArray()).isEqualTo(alone.get(s).select(1, 0).toArray());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("stacks")
  void gradientsAgreeWithFiniteDifferences(Supplier<RecurrentLayer> stack) {
    RecurrentLayer layer = stack.get();
    GradientCheck.check(layer, in -> {
      Tensor lengths = Tensor.of(in.get(0).device(), new int[] {2, T, 0}, N);
      List<Tensor> flat = all(layer, in.get(0), in.subList(1, 3), lengths).stream().map(t -> t.flatten(0)).toList();
      return Tensor.concat(0, flat.toArray(Tensor[]::new));
    }, new int[] {T, N, I}, new int[] {4, N, H}, new int[] {4, N, H});
  }

  @Test
  void theLastStateIsTheLastStepOfEachDirection() {
    Lstm layer = new Lstm(I, H, TWO_BOTH_WAYS);
    layer.on(device, 5);
    LstmOutput out = layer.apply(random(device, 1, T, N, I), null, null, null);
    assertThat(out.output().shape().dims()).containsExactly(T, N, 2 * H);
    assertThat(out.h().shape().dims()).containsExactly(4, N, H);
    assertThat(out.c().shape().dims()).containsExactly(4, N, H);
    assertThat(out.h().select(0, 2).toArray()).isEqualTo(out.output().select(0, -1).slice(1, 0, H).toArray());
    assertThat(out.h().select(0, 3).toArray()).isEqualTo(out.output().select(0, 0).slice(1, H, 2 * H).toArray());
  }

  @Test
  void batchFirstTransposesSequencesOnly() {
    Gru timeFirst = new Gru(I, H, TWO_BOTH_WAYS);
    Gru batchFirst = new Gru(I, H, TWO_BOTH_WAYS.withBatchFirst(true));
    timeFirst.on(device, 5);
    batchFirst.on(device, 5);
    Tensor x = random(device, 1, T, N, I);
    Tensor lengths = Tensor.of(device, new int[] {4, 2, 3}, N);
    RecurrentOutput a = timeFirst.apply(x, null, lengths);
    RecurrentOutput b = batchFirst.apply(x.transpose(0, 1), null, lengths);
    assertThat(b.output().transpose(0, 1).toArray()).isEqualTo(a.output().toArray());
    assertThat(b.h().toArray()).isEqualTo(a.h().toArray());
  }

  @Test
  void aSequenceInTwoPartsIsTheSequence() {
    Lstm layer = new Lstm(I, H, RecurrentOptions.DEFAULT.withLayers(2));
    layer.on(device, 5);
    Tensor x = random(device, 1, T, N, I);
    LstmOutput whole = layer.apply(x, null, null, null);
    LstmOutput first = layer.apply(x.slice(0, 0, 1), null, null, null);
    LstmOutput second = layer.apply(x.slice(0, 1, T), first.h(), first.c(), null);
    assertThat(second.output().toArray()).isEqualTo(whole.output().slice(0, 1, T).toArray());
    assertThat(second.c().toArray()).isEqualTo(whole.c().toArray());
  }

  @Test
  void dropoutActsBetweenLayersInTrainingOnly() {
    Tensor x = random(device, 1, T, N, I);
    for (int layers : new int[] {1, 2}) {
      Rnn plain = new Rnn(I, 16, RecurrentOptions.DEFAULT.withLayers(layers));
      Rnn dropping = new Rnn(I, 16, RecurrentOptions.DEFAULT.withLayers(layers).withDropout(0.5));
      plain.on(device, 5);
      dropping.on(device, 5);
      float[] y = plain.apply(x).toArray();
      assertThat(dropping.apply(x).toArray()).isEqualTo(y);
      RandomState random = new RandomState(device, 3);
      random.beginStep(1);
      try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), random, null)) {
        assertThat(Arrays.equals(dropping.apply(x).toArray(), y)).isEqualTo(layers == 1);
      }
    }
  }

  @Test
  void mistakesAreNamed() {
    Lstm layer = new Lstm(I, H, TWO_BOTH_WAYS);
    layer.on(device, 5);
    Tensor x = random(device, 1, T, N, I);
    refuses(() -> layer.apply(random(device, 1, T, N, 4)), "Lstm of F32[4, 3, 4]: the input must be [T, N, 5]");
    refuses(() -> layer.apply(random(device, 1, T, I)), "unsqueeze");
    refuses(() -> layer.apply(x, random(device, 1, 2, N, H), null, null), "initial state h must be [4, 3, 2]");
    refuses(() -> layer.apply(x, null, random(device, 1, 4, 1, H), null), "initial state c must be [4, 3, 2]");
    refuses(() -> layer.apply(x, null, null, Tensor.of(device, new int[T], T)),
        "lengths must be [3], one per sequence");
    refuses(() -> layer.apply(x, null, null, Tensor.zeros(device, N)), "lengths must be I32");
    refuses(() -> new Lstm(0, 3), "both must be positive");
    Gru batchFirst = new Gru(I, H, RecurrentOptions.DEFAULT.withBatchFirst(true));
    batchFirst.on(device, 5);
    refuses(() -> batchFirst.apply(random(device, 1, T, N, 4)), "the input must be [N, T, 5]");
    assertThatThrownBy(() -> RecurrentOptions.DEFAULT.withLayers(0)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at least 1");
    assertThatThrownBy(() -> RecurrentOptions.DEFAULT.withDropout(2)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("between 0 and 1");
  }

  private static void refuses(Supplier<?> call, String message) {
    assertThatThrownBy(call::get).isInstanceOf(ShapeException.class).hasMessageContaining(message);
  }

  /** Losses of ten steps of a small model that learns the sign of a number in the last step. */
  private static List<Float> training(Set<Class<? extends Composite>> claimed, boolean capture) {
    Device on = new Device(new ReferenceBackend(claimed));
    RecurrentOptions options =
        RecurrentOptions.DEFAULT.withLayers(2).withBatchFirst(true).withDropout(0.1).withBidirectional(true);
    Module model = new Sequential(new Lstm(2, 6, options), new LastStep(1), new Linear(12, 2)).on(on, 1);
    Optimizer optimizer = new Adam(0.05).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, in -> {
      Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    }).capture(capture);
    List<Float> losses = new ArrayList<>();
    for (int k = 0; k < 10; k++) {
      Random random = new Random(k % 2);
      float[] x = new float[16 * 3 * 2];
      int[] labels = new int[16];
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) random.nextGaussian();
        labels[i / 6] = i % 6 == 4 && x[i] > 0 ? 1 : labels[i / 6];
      }
      losses.add(step.run(Batch.of(HostArray.of(x, 16, 3, 2), HostArray.of(labels, 16))).item());
    }
    if (capture) {
      assertThat(step.state()).startsWith("replaying");
    }
    return losses;
  }

  @Test
  void tenStepsOfTrainingReplayAndLearn() {
    List<Float> eager = training(Set.of(), false);
    assertThat(training(Set.of(), true)).isEqualTo(eager);
    assertThat(eager.get(9)).isLessThan(0.8f * eager.get(0));
    List<Float> claimed = training(Set.of(Recurrent.class, RecurrentGrad.class), true);
    for (int k = 0; k < 10; k++) {
      assertThat(claimed.get(k)).isCloseTo(eager.get(k), within(1e-6f));
    }
  }
}
