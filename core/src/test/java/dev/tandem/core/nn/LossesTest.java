package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.SplittableRandom;
import java.util.function.DoubleBinaryOperator;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LossesTest {
  private static final float NAN = Float.NaN;

  record Case(String name, Function<Reduction, Loss> loss, DoubleBinaryOperator formula, HostArray outputs,
      HostArray targets) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> elementwise() {
    HostArray x = matrix(-1e4f, -100, -2, 0, 0.5f, 3, 100, 1e4f);
    HostArray y = matrix(1, 0, -1.5f, 0, 2, 3, 1, 2);
    HostArray truth = matrix(1, 0, 0.25f, 1, 0, 0.75f, 0, 1);
    HostArray p = matrix(0, 1, 0.5f, 1e-30f, 0.999f, 0.01f, 1, 0);
    return Stream.of(new Case("mse", Losses::mse, (o, t) -> (o - t) * (o - t), x, y),
        new Case("mae", Losses::mae, (o, t) -> Math.abs(o - t), x, y),
        new Case("hinge", Losses::hinge, (o, t) -> Math.max(0, 1 - o * t), x, y),
        new Case("huber", r -> Losses.huber(1.5, r), LossesTest::huber, x, y),
        new Case("binaryCrossEntropyWithLogits", r -> Losses.binaryCrossEntropyWithLogits(r),
            (o, t) -> t * softplus(-o) + (1 - t) * softplus(o), x, truth),
        new Case("binaryCrossEntropyWithLogits, weighted", r -> Losses.binaryCrossEntropyWithLogits(r, 3),
            (o, t) -> 3 * t * softplus(-o) + (1 - t) * softplus(o), x, truth),
        new Case("binaryCrossEntropy", Losses::binaryCrossEntropy,
            (o, t) -> -t * Math.max(Math.log(o), -100) - (1 - t) * Math.max(Math.log1p(-o), -100), p, truth));
  }

  private static HostArray matrix(float... values) {
    return HostArray.of(values, 2, values.length / 2);
  }

  private static double huber(double output, double target) {
    double d = Math.abs(output - target);
    return d <= 1.5 ? d * d / 2 : 1.5 * (d - 0.75);
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void valuesAreThoseOfTheFormulaInEachReduction(Case c) {
    Device device = oracle();
    long n = c.outputs.shape().size();
    Tensor x = Tensor.of(device, c.outputs);
    Tensor y = Tensor.of(device, c.targets);
    float[] each = c.loss.apply(Reduction.NONE).apply(x, y).toArray();
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double expected = c.formula.applyAsDouble(c.outputs.get(i), c.targets.get(i));
      assertThat((double) each[i]).as("of %s and %s", c.outputs.get(i), c.targets.get(i)).isCloseTo(expected,
          within(1e-7 * Math.max(1, expected)));
      sum += expected;
    }
    assertThat((double) c.loss.apply(Reduction.SUM).apply(x, y).item()).isCloseTo(sum, within(1e-7 * sum));
    Tensor mean = c.loss.apply(Reduction.MEAN).apply(x, y);
    assertThat(mean.shape().isScalar()).isTrue();
    assertThat((double) mean.item()).isCloseTo(sum / n, within(1e-7 * sum));
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void gradientsAgreeWithFiniteDifferences(Case c) {
    for (Reduction r : Reduction.values()) {
      Loss loss = c.loss.apply(r);
      // Probabilities lie between 0.1 and 0.9.
      boolean probabilities = c.name.equals("binaryCrossEntropy");
      GradientCheck.check(in -> {
        Tensor x = in.getFirst();
        return loss.apply(probabilities ? x.sigmoid().mul(0.8).add(0.1) : x, Tensor.full(x.device(), 0.3, 4, 6));
      }, new int[] {4, 6});
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void gradientsAreFiniteEverywhere(Case c) {
    Loss loss = c.loss.apply(Reduction.SUM);
    float[] g =
        GradientCheck.gradient(x -> loss.apply(x, Tensor.of(x.device(), c.targets)), c.outputs.toFloats(), 2, 4);
    for (float v : g) {
      assertThat(v).isFinite();
    }
  }

  @ParameterizedTest
  @MethodSource("elementwise")
  void notANumberIsNotHidden(Case c) {
    Device device = oracle();
    Tensor loss = c.loss.apply(Reduction.MEAN).apply(Tensor.of(device, new float[] {0.5f, NAN}, 2),
        Tensor.of(device, new float[] {0, 1}, 2));
    assertThat(loss.item()).isNaN();
  }

  @Test
  void gradientsAtZeroLogitsAreThoseOfTheSigmoid() {
    Loss loss = Losses.binaryCrossEntropyWithLogits(Reduction.SUM, 3);
    float[] g =
        GradientCheck.gradient(x -> loss.apply(x, Tensor.of(x.device(), new float[] {0, 1, 0.5f}, 3)), new float[3], 3);
    assertThat(g).containsExactly(0.5f, -1.5f, -0.5f);
  }

  @Test
  void positiveWeightsRunAlongTheLastAxis() {
    Device device = oracle();
    Loss loss = Losses.binaryCrossEntropyWithLogits(Reduction.NONE, 1, 2, 5);
    float[] each = loss.apply(Tensor.zeros(device, 2, 3), Tensor.ones(device, 2, 3)).toArray();
    float log2 = (float) Math.log(2);
    assertThat(each).containsExactly(new float[] {log2, 2 * log2, 5 * log2, log2, 2 * log2, 5 * log2}, within(1e-6f));
    assertThatThrownBy(() -> loss.apply(Tensor.zeros(device, 2, 2), Tensor.ones(device, 2, 2)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("3 weights");
  }

  @Test
  void probabilitiesOutsideTheirRangeGiveNotANumber() {
    Device device = oracle();
    float[] each = Losses.binaryCrossEntropy(Reduction.NONE)
        .apply(Tensor.of(device, new float[] {-0.1f, 1.1f, 1}, 3), Tensor.of(device, new float[] {1, 0, 1}, 3))
        .toArray();
    assertThat(each[0]).isNaN();
    assertThat(each[1]).isNaN();
    assertThat(each[2]).isZero();
  }

  @Test
  void nothingIsBroadcastSilently() {
    Device device = oracle();
    Tensor column = Tensor.zeros(device, 4, 1);
    Tensor row = Tensor.zeros(device, 4);
    assertThatThrownBy(() -> Losses.mse().apply(column, row)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("mse of F32[4, 1] against F32[4]")
        .hasMessageContaining("reshape one to the shape of the other");
    assertThatThrownBy(() -> Losses.mae().apply(column, Tensor.zeros(device, 5, 1))).isInstanceOf(ShapeException.class)
        .hasMessageEndingWith("nothing is broadcast");
    assertThatThrownBy(() -> Losses.mse().apply(row, Tensor.of(device, new int[4], 4)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("to(DType.F32)");
    assertThatThrownBy(() -> Losses.mse().apply(Tensor.zeros(device, 0), Tensor.zeros(device, 0)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("no elements");
  }

  record Options(String name, ClassificationOptions options) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Options> classification() {
    ClassificationOptions plain = ClassificationOptions.DEFAULT;
    ClassificationOptions weighted = plain.withClassWeights(0.5f, 2, 0, 1.25f);
    return Stream.of(new Options("plain", plain), new Options("weights", weighted),
        new Options("ignored label", plain.withIgnoreIndex(-100)),
        new Options("ignored class", plain.withIgnoreIndex(3)), new Options("smoothing", plain.withLabelSmoothing(0.2)),
        new Options("all spread", plain.withLabelSmoothing(1)),
        new Options("ignored and smoothing", plain.withIgnoreIndex(-100).withLabelSmoothing(0.1)),
        new Options("weights, ignored and smoothing", weighted.withIgnoreIndex(3).withLabelSmoothing(0.1)));
  }

  /** Images of 3 x 2 positions, as examples for labels per position. */
  private static final int[] IMAGES = {2, 4, 3, 2};
  private static final int[] POSITIONS = {2, 3, 2};

  @ParameterizedTest
  @MethodSource("classification")
  void crossEntropyFollowsThePublishedFormula(Options o) {
    Device device = oracle();
    float[] logits = numbers(48, 3);
    int[] labels = labels(o.options);
    double[][] rows = logProbabilities(logits);
    double[] losses = new double[12];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < labels.length; i++) {
      if (o.options.ignoreIndex().isPresent() && labels[i] == o.options.ignoreIndex().getAsInt()) {
        continue;
      }
      double eps = o.options.labelSmoothing();
      losses[i] = -(1 - eps) * weight(o.options, labels[i]) * rows[i][labels[i]];
      for (int c = 0; c < 4; c++) {
        losses[i] -= eps / 4 * weight(o.options, c) * rows[i][c];
      }
      sum += losses[i];
      weight += weight(o.options, labels[i]);
    }
    Tensor x = Tensor.of(device, logits, IMAGES);
    Tensor y = Tensor.of(device, labels, POSITIONS);
    for (boolean fromLogits : new boolean[] {true, false}) {
      Tensor output = fromLogits ? x : x.logSoftmax(1);
      Function<Reduction, Tensor> loss = r -> fromLogits
          ? Losses.crossEntropy(o.options.withReduction(r)).apply(output, y)
          : Losses.nll(o.options.withReduction(r)).apply(output, y);
      Tensor each = loss.apply(Reduction.NONE);
      assertThat(each.shape().dims()).containsExactly(POSITIONS);
      for (int i = 0; i < losses.length; i++) {
        assertThat((double) each.toArray()[i]).isCloseTo(losses[i], within(1e-6));
      }
      assertThat((double) loss.apply(Reduction.SUM).item()).isCloseTo(sum, within(1e-5));
      assertThat((double) loss.apply(Reduction.MEAN).item()).isCloseTo(sum / weight, within(1e-6));
    }
  }

  @ParameterizedTest
  @MethodSource("classification")
  void classificationGradientsAgreeWithFiniteDifferences(Options o) {
    int[] labels = labels(o.options);
    for (Reduction r : Reduction.values()) {
      ClassificationOptions options = o.options.withReduction(r);
      GradientCheck.check(
          in -> Losses.crossEntropy(options).apply(in.getFirst(), Tensor.of(in.getFirst().device(), labels, POSITIONS)),
          IMAGES);
      GradientCheck.check(in -> Losses.nll(options).apply(in.getFirst(), Tensor.of(in.getFirst().device(), labels, 12)),
          new int[] {12, 4});
    }
  }

  @ParameterizedTest
  @MethodSource("classification")
  void lossesMadeAnewInEveryStepAreReplayed(Options o) {
    Device device = oracle();
    Module model = new Sequential(new Flatten(), new Linear(24, 4)).on(device, 1);
    Sgd optimizer = new Sgd(0.1);
    optimizer.on(model);
    TrainStep step = TrainStep.of(optimizer, 3, in -> {
      float[] weights = {0.5f, 1, 2, 4};
      Tensor output = model.apply(in.get(0));
      Tensor loss = Losses.crossEntropy(copy(o.options)).apply(output, in.get(1))
          .add(Losses.binaryCrossEntropyWithLogits(Reduction.MEAN, weights).apply(output, in.get(2)));
      optimizer.update(Gradients.of(loss));
      return loss;
    });
    Batch batch = Batch.of(HostArray.of(numbers(144, 1), 6, 24), HostArray.of(new int[] {0, 1, 2, 3, 1, 0}, 6),
        HostArray.of(new float[24], 6, 4));
    for (int i = 0; i < 4; i++) {
      step.run(batch);
    }
    assertThat(step.state()).startsWith("replaying");
  }

  private static ClassificationOptions copy(ClassificationOptions o) {
    return new ClassificationOptions(new ArrayList<>(o.classWeights()), o.ignoreIndex(), o.labelSmoothing(),
        o.reduction());
  }

  @Test
  void confidentLogitsStayFinite() {
    Device device = oracle();
    Tensor x = Tensor.of(device, new float[] {1e4f, -1e4f, 0, 100, -100, -100}, 2, 3);
    Tensor y = Tensor.of(device, new int[] {1, 0}, 2);
    for (ClassificationOptions o : new ClassificationOptions[] {ClassificationOptions.DEFAULT,
        ClassificationOptions.DEFAULT.withIgnoreIndex(7)}) {
      assertThat(Losses.crossEntropy(o.withReduction(Reduction.NONE)).apply(x, y).toArray()).containsExactly(2e4f, 0);
    }
    float[] g = GradientCheck.gradient(t -> Losses.crossEntropy().apply(t, Tensor.of(t.device(), new int[] {1, 0}, 2)),
        new float[] {1e4f, -1e4f, 0, 100, -100, -100}, 2, 3);
    assertThat(g).containsExactly(0.5f, -0.5f, 0, 0, 0, 0);
  }

  @Test
  void impossibleClassesDoNotSpoilTheLikelihoodOfOthers() {
    Device device = oracle();
    Tensor x = Tensor.of(device, new float[] {0, Float.NEGATIVE_INFINITY}, 1, 2);
    assertThat(Losses.nll().apply(x, Tensor.of(device, new int[] {0}, 1)).item()).isZero();
    assertThat(Losses.crossEntropy().apply(x, Tensor.of(device, new int[] {0}, 1)).item()).isZero();
  }

  @Test
  void ignoredExamplesCountNothingWhateverTheirLogits() {
    Device device = oracle();
    ClassificationOptions options = ClassificationOptions.DEFAULT.withIgnoreIndex(-1);
    Tensor x = Tensor.of(device, new float[] {0, 0, Float.POSITIVE_INFINITY, NAN}, 2, 2);
    Tensor y = Tensor.of(device, new int[] {1, -1}, 2);
    assertThat(Losses.crossEntropy(options).apply(x, y).item()).isEqualTo((float) Math.log(2));
    assertThat(Losses.crossEntropy(options.withLabelSmoothing(0.1)).apply(x, y).item()).isEqualTo((float) Math.log(2));
    assertThat(Losses.crossEntropy(options).apply(x, Tensor.of(device, new int[] {-1, -1}, 2)).item()).isNaN();
  }

  @Test
  void wrongLabelsAreExplained() {
    Device device = oracle();
    Tensor x = Tensor.zeros(device, 4, 3);
    assertThatThrownBy(() -> Losses.crossEntropy().apply(x, Tensor.zeros(device, 4))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("crossEntropy of F32[4, 3] against F32[4]").hasMessageContaining("to(DType.I32)");
    assertThatThrownBy(() -> Losses.crossEntropy().apply(x, Tensor.zeros(device, 4, 3)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("argmax(1)");
    assertThatThrownBy(() -> Losses.nll().apply(x, Tensor.of(device, new int[4], 4, 1)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("labels must be [4]").hasMessageContaining("reshape them");
    assertThatThrownBy(() -> Losses.nll().apply(x, Tensor.of(device, new int[3], 3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("one for each row of 3 classes");
    assertThatThrownBy(() -> Losses.nll().apply(Tensor.zeros(device, 3), Tensor.of(device, new int[] {1})))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("[N, C]");
    assertThatThrownBy(() -> Losses.crossEntropy(ClassificationOptions.DEFAULT.withClassWeights(1, 2)).apply(x,
        Tensor.of(device, new int[4], 4)))
        .isInstanceOf(ShapeException.class).hasMessageContaining("2 class weights for 3 classes");
    assertThatThrownBy(() -> ClassificationOptions.DEFAULT.withLabelSmoothing(1.5))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ClassificationOptions.DEFAULT.withClassWeights(1, -1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Row-major over examples and positions. */
  private static double[][] logProbabilities(float[] logits) {
    double[][] rows = new double[12][4];
    for (int n = 0; n < 2; n++) {
      for (int p = 0; p < 6; p++) {
        double sum = 0;
        for (int c = 0; c < 4; c++) {
          sum += Math.exp(logits[(n * 4 + c) * 6 + p]);
        }
        for (int c = 0; c < 4; c++) {
          rows[n * 6 + p][c] = logits[(n * 4 + c) * 6 + p] - Math.log(sum);
        }
      }
    }
    return rows;
  }

  private static double weight(ClassificationOptions o, int label) {
    return o.classWeights().isEmpty() ? 1 : o.classWeights().get(label);
  }

  private static int[] labels(ClassificationOptions o) {
    int[] labels = {0, 1, 2, 3, 3, 1, 0, 0, 2, 1, 3, 0};
    if (o.ignoreIndex().isPresent()) {
      labels[5] = o.ignoreIndex().getAsInt();
    }
    return labels;
  }

  private static float[] numbers(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] v = new float[n];
    for (int i = 0; i < n; i++) {
      v[i] = (float) random.nextGaussian();
    }
    return v;
  }

  private static Device oracle() {
    return new Device(new ReferenceBackend());
  }
}
