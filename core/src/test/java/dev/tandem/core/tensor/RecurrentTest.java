package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A whole sequence as one operation, and its slow twin. */
class RecurrentTest {
  private static final int STEPS = 5;
  private static final int SEQUENCES = 4;
  private static final int FEATURES = 3;
  private static final int HIDDEN = 2;
  private static final int[] LENGTHS = {3, 5, 0, 1};

  static Stream<Recurrent> everyKind() {
    return Stream.of(Recurrent.Cell.values()).flatMap(cell -> Stream.of(false, true)
        .flatMap(reverse -> Stream.of(false, true).map(masked -> new Recurrent(cell, reverse, masked))));
  }

  private static Device claiming(Set<Class<? extends Composite>> composites) {
    return new Device(new ReferenceBackend(composites));
  }

  private static List<int[]> shapes(Recurrent op) {
    int rows = op.cell().gates() * HIDDEN;
    List<int[]> shapes = new ArrayList<>();
    shapes.add(new int[] {STEPS, SEQUENCES, FEATURES});
    for (int i = 0; i < op.cell().states(); i++) {
      shapes.add(new int[] {SEQUENCES, HIDDEN});
    }
    shapes.addAll(List.of(new int[] {rows, FEATURES}, new int[] {rows, HIDDEN}, new int[] {rows}, new int[] {rows}));
    return shapes;
  }

  private static List<Tensor> operands(Device device, Recurrent op, long seed) {
    Random random = new Random(seed);
    List<Tensor> in = new ArrayList<>();
    for (int[] dims : shapes(op)) {
      in.add(Tensor.of(device, numbers(random, dims), dims).requireGrad());
    }
    if (op.masked()) {
      in.add(Tensor.of(device, LENGTHS, SEQUENCES));
    }
    return in;
  }

  private static float[] numbers(Random random, int... dims) {
    float[] values = new float[(int) Shape.of(dims).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Results, then gradients of operands, of a sum of those results that {@code read} names. */
  private static List<double[]> train(Device device, Recurrent op, Set<Integer> read) {
    List<Tensor> in = operands(device, op, 11);
    List<double[]> values = new ArrayList<>();
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), null, null)) {
      List<Tensor> out = Execution.run(op, in.toArray(Tensor[]::new));
      assertThat(out).hasSize(1 + op.cell().states());
      Random random = new Random(12);
      Tensor loss = Tensor.zeros(device);
      for (int k = 0; k < out.size(); k++) {
        Tensor y = out.get(k);
        values.add(doubles(y));
        Tensor weights = Tensor.of(device, numbers(random, y.shape().dims()), y.shape().dims());
        loss = read.contains(k) ? loss.add(y.mul(weights).sum()) : loss;
      }
      Gradients gradients = Gradients.of(loss);
      for (int i : op.gradientTargets()) {
        Tensor g = gradients.get(in.get(i));
        assertThat(g).as("gradient of operand %s", i).isNotNull();
        values.add(doubles(g));
      }
    }
    return values;
  }

  private static double[] doubles(Tensor t) {
    HostArray host = t.toHost();
    double[] r = new double[(int) host.shape().size()];
    for (int i = 0; i < r.length; i++) {
      r[i] = host.get(i);
    }
    return r;
  }

  /** Both sides compute in double precision and differ when read as fp32 by one rounding at most. */
  private static void agree(List<double[]> got, List<double[]> want) {
    assertThat(got).hasSameSizeAs(want);
    for (int k = 0; k < want.size(); k++) {
      assertThat(got.get(k)).hasSameSizeAs(want.get(k));
      for (int i = 0; i < want.get(k).length; i++) {
        double w = want.get(k)[i];
        assertThat(got.get(k)[i]).as("value %s at %s", k, i).isCloseTo(w, within(1e-9 + 2e-7 * Math.abs(w)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("everyKind")
  void claimedHalfClaimedAndDecomposedAgree(Recurrent op) {
    for (Set<Integer> read : List.of(Set.of(0), Set.of(0, 1, 2), Set.of(1))) {
      List<double[]> decomposed = train(claiming(Set.of()), op, read);
      agree(train(claiming(Set.of(Recurrent.class)), op, read), decomposed);
      agree(train(claiming(Set.of(Recurrent.class, RecurrentGrad.class)), op, read), decomposed);
    }
  }

  @ParameterizedTest
  @MethodSource("everyKind")
  void gradientsAgreeWithFiniteDifferences(Recurrent op) {
    GradientCheck.check(in -> {
      // Halved, since saturated cells bend so sharply that finite differences are the less exact of the two.
      List<Tensor> all = new ArrayList<>(in.stream().map(t -> t.mul(0.5)).toList());
      if (op.masked()) {
        all.add(Tensor.of(in.get(0).device(), LENGTHS, SEQUENCES));
      }
      List<Tensor> flat =
          Execution.run(op, all.toArray(Tensor[]::new)).stream().map(t -> t.flatten(0)).toList();
      return Tensor.concat(0, flat.toArray(Tensor[]::new));
    }, shapes(op).toArray(int[][]::new));
  }

  @Test
  void stepsBehindTheEndGiveZerosAndLeaveTheStates() {
    Device device = claiming(Set.of());
    Recurrent op = new Recurrent(Recurrent.Cell.LSTM, true, true);
    List<Tensor> in = operands(device, op, 1);
    List<Tensor> out = Execution.run(op, in.toArray(Tensor[]::new));
    float[] y = out.get(0).toArray();
    for (int t = 0; t < STEPS; t++) {
      for (int n = 0; n < SEQUENCES; n++) {
        assertThat(y[(t * SEQUENCES + n) * HIDDEN] == 0).as("step %s of sequence %s", t, n).isEqualTo(t >= LENGTHS[n]);
      }
    }
    assertThat(out.get(1).select(0, 2).toArray()).isEqualTo(in.get(1).select(0, 2).toArray());
    assertThat(out.get(2).select(0, 2).toArray()).isEqualTo(in.get(2).select(0, 2).toArray());
    assertThat(out.get(1).select(0, 1).toArray()).isEqualTo(out.get(0).select(0, 0).select(0, 1).toArray());
  }

  /** A length the data got wrong is no reason to read beside the sequence. */
  @Test
  void lengthsAreLimitedToTheSteps() {
    for (Set<Class<? extends Composite>> claimed : List.<Set<Class<? extends Composite>>>of(Set.of(),
        Set.of(Recurrent.class))) {
      Device device = claiming(claimed);
      Recurrent op = new Recurrent(Recurrent.Cell.GRU, false, true);
      List<Tensor> in = operands(device, op, 1);
      in.set(in.size() - 1, Tensor.of(device, new int[] {STEPS + 1, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}, 4));
      float[] wrong = Execution.one(op, in.toArray(Tensor[]::new)).toArray();
      in.set(in.size() - 1, Tensor.of(device, new int[] {STEPS, STEPS, 0, 0}, 4));
      assertThat(wrong).isEqualTo(Execution.one(op, in.toArray(Tensor[]::new)).toArray());
    }
  }

  @Test
  void operandsThatDoNotFitAreNamed() {
    Device device = claiming(Set.of());
    Recurrent op = new Recurrent(Recurrent.Cell.LSTM, false, true);
    refuses(op, 0, Tensor.zeros(device, 5, 4), "Recurrent of [", "x must be [T, N, I]");
    refuses(op, 0, Tensor.zeros(device, 0, 4, 3), "at least one step");
    refuses(op, 1, Tensor.zeros(device, 5, 2), "h0 must be [N, H] with N = 4");
    refuses(op, 2, Tensor.zeros(device, 4, 3), "c0 must be [4, 2]");
    refuses(op, 3, Tensor.zeros(device, 6, 3), "weightIh must be [8, 3] ([4 H, I]), not [6, 3]");
    refuses(op, 4, Tensor.zeros(device, 8, 3), "weightHh must be [8, 2] ([4 H, H])");
    refuses(op, 5, Tensor.zeros(device, 2), "biasIh must be [8]");
    refuses(op, 6, Tensor.zeros(device, 2), "biasHh must be [8]");
    refuses(op, 7, Tensor.zeros(device, 4), "lengths must be I32, not F32; convert with to(DType.I32)");
    refuses(op, 7, Tensor.of(device, new int[3], 3), "lengths must be [4] (one per sequence), not [3]");
    List<Tensor> in = operands(device, op, 1);
    assertThatThrownBy(() -> Execution.run(op, in.subList(0, 7).toArray(Tensor[]::new)))
        .isInstanceOf(ShapeException.class).hasMessageContaining("x, h0, c0, two weights, two biases, lengths");
  }

  private static void refuses(Recurrent op, int operand, Tensor wrong, String... words) {
    List<Tensor> in = operands(wrong.device(), op, 1);
    in.set(operand, wrong);
    assertThatThrownBy(() -> Execution.run(op, in.toArray(Tensor[]::new))).isInstanceOf(ShapeException.class)
        .hasMessageContainingAll(words);
  }
}
