package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the sum over every alignment of frames with classes, one by one. */
class CtcLossTest {
  private static final int FRAMES = 5;
  private static final int CLASSES = 3;
  /** With repeated labels, shorter targets whose rest is rubbish, an empty one, and one that just fits. */
  private static final int[][] TARGETS = {{1, 2, 1}, {1, 1, 77}, {2, -5, 99}, {-1, -1, -1}, {1, 2, 2}, {2, 2, 1}};
  private static final int[] INPUT_LENGTHS = {5, 3, 4, 5, 4, 5};
  private static final int[] TARGET_LENGTHS = {3, 2, 1, 0, 3, 3};

  private final Device device = new Device(new ReferenceBackend());

  private static float[] logits(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] v = new float[FRAMES * TARGETS.length * CLASSES];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) random.nextGaussian();
    }
    return v;
  }

  /** Class numbers as they are with blank 0; with another blank the two exchange their numbers. */
  private static Tensor targets(Device device, int blank) {
    int[] flat = new int[TARGETS.length * 3];
    for (int i = 0; i < flat.length; i++) {
      int label = TARGETS[i / 3][i % 3];
      flat[i] = label == blank ? 0 : label;
    }
    return Tensor.of(device, flat, TARGETS.length, 3);
  }

  private static Tensor apply(CtcLoss loss, Tensor logits, int blank) {
    Device on = logits.device();
    int n = TARGETS.length;
    return loss.apply(logits.logSoftmax(2), targets(on, blank), Tensor.of(on, INPUT_LENGTHS, n),
        Tensor.of(on, TARGET_LENGTHS, n));
  }

  /** The probability that the frames of sequence {@code n} spell its target, over all alignments. */
  private static double bruteForce(double[] logProbabilities, int n, int blank) {
    int frames = INPUT_LENGTHS[n];
    List<Integer> wanted = new ArrayList<>();
    for (int i = 0; i < TARGET_LENGTHS[n]; i++) {
      wanted.add(TARGETS[n][i] == blank ? 0 : TARGETS[n][i]);
    }
    double total = 0;
    for (int path = 0; path < Math.pow(CLASSES, frames); path++) {
      List<Integer> spelled = new ArrayList<>();
      double log = 0;
      int before = blank;
      for (int t = 0, rest = path; t < frames; t++, rest /= CLASSES) {
        int c = rest % CLASSES;
        log += logProbabilities[(t * TARGETS.length + n) * CLASSES + c];
        if (c != blank && c != before) {
          spelled.add(c);
        }
        before = c;
      }
      total += spelled.equals(wanted) ? Math.exp(log) : 0;
    }
    return total;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void isTheLikelihoodOfAllAlignments(int blank) {
    Tensor x = Tensor.of(device, logits(3 + blank), FRAMES, TARGETS.length, CLASSES);
    double[] p = x.logSoftmax(2).toHost().toDoubles();
    double[] expected = new double[TARGETS.length];
    double sum = 0;
    double mean = 0;
    for (int n = 0; n < expected.length; n++) {
      expected[n] = -Math.log(bruteForce(p, n, blank));
      assertThat(expected[n]).isFinite();
      sum += expected[n];
      mean += expected[n] / Math.max(1, TARGET_LENGTHS[n]) / TARGETS.length;
    }
    assertThat(apply(new CtcLoss(blank, Reduction.NONE, false), x, blank).toHost().toDoubles())
        .containsExactly(expected, within(1e-6));
    assertThat((double) apply(new CtcLoss(blank, Reduction.SUM, false), x, blank).item()).isCloseTo(sum, within(1e-5));
    assertThat((double) apply(new CtcLoss(blank, Reduction.MEAN, false), x, blank).item()).isCloseTo(mean,
        within(1e-5));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void gradientsAgreeWithFiniteDifferences(int blank) {
    for (Reduction r : Reduction.values()) {
      GradientCheck.check(in -> apply(new CtcLoss(blank, r, false), in.getFirst(), blank),
          new int[] {FRAMES, TARGETS.length, CLASSES});
    }
  }

  @Test
  void impossibleTargetsAreInfiniteOrNothingWithoutAGradient() {
    // Two equal labels need a blank between them, and 2 frames have no room for it; the second sequence is possible.
    CtcLoss infinite = new CtcLoss(0, Reduction.NONE, false);
    CtcLoss zero = new CtcLoss(0, Reduction.SUM, true);
    Tensor x = Tensor.zeros(device, 2, 2, 3).logSoftmax(2);
    Tensor y = Tensor.of(device, new int[] {1, 1, 1, 2}, 2, 2);
    Tensor two = Tensor.of(device, new int[] {2, 2}, 2);
    assertThat(infinite.apply(x, y, two, two).toArray()).containsExactly(
        new float[] {Float.POSITIVE_INFINITY, (float) Math.log(9)}, within(1e-6f));
    assertThat(zero.apply(x, y, two, two).item()).isCloseTo((float) Math.log(9), within(1e-6f));
    float[] g = GradientCheck.gradient(
        t -> zero.apply(t.logSoftmax(2), y.to(t.device()), two.to(t.device()), two.to(t.device())), new float[12], 2, 2,
        3);
    assertThat(new float[] {g[0], g[1], g[2], g[6], g[7], g[8]}).containsOnly(0);
    assertThat(new float[] {g[3], g[4], g[5]}).containsExactly(new float[] {1 / 3f, -2 / 3f, 1 / 3f}, within(1e-6f));
  }

  @Test
  void impossibleClassesAndNumbersThatAreNoneAreNotConfused() {
    CtcLoss loss = new CtcLoss(0, Reduction.NONE, false);
    float never = Float.NEGATIVE_INFINITY;
    // Frame by frame: sequence 0 is surely 1, blank, 2; sequence 1 holds a NaN.
    Tensor x = Tensor.of(device, new float[] {never, 0, never, -1, -1, -1, 0, never, never, -1, Float.NaN, -1, never,
        never, 0, -1, -1, -1}, 3, 2, 3);
    Tensor y = Tensor.of(device, new int[] {1, 2, 1, 2}, 2, 2);
    float[] each = loss.apply(x, y, Tensor.of(device, new int[] {3, 3}, 2), Tensor.of(device, new int[] {2, 2}, 2))
        .toArray();
    assertThat(each[0]).isZero();
    assertThat(each[1]).isNaN();
    float[] g = GradientCheck.gradient(t -> loss.apply(t, y.to(t.device()), Tensor.of(t.device(), new int[] {3, 3}, 2),
        Tensor.of(t.device(), new int[] {2, 2}, 2)).slice(0, 0, 1), x.toArray(), 3, 2, 3);
    assertThat(new float[] {g[0], g[1], g[2]}).containsExactly(0, -1, 0);
  }

  @Test
  void targetsWithoutAnyLabelAreAllBlank() {
    Tensor x = Tensor.of(device, logits(1), FRAMES, TARGETS.length, CLASSES).logSoftmax(2);
    int n = TARGETS.length;
    Tensor loss = new CtcLoss(0, Reduction.NONE, false).apply(x, Tensor.of(device, new int[0], n, 0),
        Tensor.of(device, INPUT_LENGTHS, n), Tensor.of(device, new int[n], n));
    float[] p = x.toArray();
    double expected = 0;
    for (int t = 0; t < INPUT_LENGTHS[1]; t++) {
      expected -= p[(t * n + 1) * CLASSES];
    }
    assertThat((double) loss.toArray()[1]).isCloseTo(expected, within(1e-5));
  }

  @Test
  void longSequencesStayFinite() {
    int frames = 300;
    Tensor x = Tensor.zeros(device, frames, 1, 4).logSoftmax(2);
    float loss = new CtcLoss(0, Reduction.SUM, false).apply(x, Tensor.of(device, new int[] {1, 2, 3, 3}, 1, 4),
        Tensor.of(device, new int[] {frames}, 1), Tensor.of(device, new int[] {4}, 1)).item();
    assertThat(loss).isBetween(100f, (float) (frames * Math.log(4)));
  }

  @Test
  void stepsOfAnyLengthsAreReplayed() {
    Module model = new Linear(2, CLASSES).on(device, 1);
    Sgd optimizer = new Sgd(0.5);
    optimizer.on(model);
    TrainStep step = TrainStep.of(List.of(optimizer), 1, in -> {
      Tensor loss = new CtcLoss().apply(model.apply(in.get(0)).logSoftmax(2), in.get(1), in.get(2), in.get(3));
      optimizer.update(Gradients.of(loss));
      return List.of(loss);
    });
    List<Float> losses = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      // Frames show the label's number; lengths differ from step to step.
      float[] x = {1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0};
      losses.add(step.runAll(List.of(HostArray.of(x, 4, 2, 2), HostArray.of(new int[] {1, 2, 1, 2}, 2, 2),
          HostArray.of(new int[] {4, 3 + i % 2}, 2), HostArray.of(new int[] {2, 2}, 2))).get(0).item());
    }
    assertThat(step.state()).startsWith("replaying");
    assertThat(losses.getLast()).isLessThan(0.8f * losses.getFirst());
  }

  @Test
  void mistakesAreExplained() {
    Tensor x = Tensor.zeros(device, 4, 2, 3);
    Tensor y = Tensor.of(device, new int[4], 2, 2);
    Tensor n = Tensor.of(device, new int[] {1, 1}, 2);
    assertThatThrownBy(() -> new CtcLoss().apply(x, y, n, Tensor.zeros(device, 2))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("ctc of F32[4, 2, 3] against I32[2, 2] with lengths I32[2] and F32[2]: wants");
    assertThatThrownBy(() -> new CtcLoss(3, Reduction.SUM, false).apply(x, y, n, n))
        .hasMessageContaining("the blank is class 3 of only 3");
    assertThatThrownBy(() -> new CtcLoss(-1, Reduction.SUM, false)).isInstanceOf(IllegalArgumentException.class);
  }
}
