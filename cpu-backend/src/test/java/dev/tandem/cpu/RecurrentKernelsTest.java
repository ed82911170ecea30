package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sequences large enough to be shared: right, with the same bits on any number of threads, and deaf to what is behind their ends. */
class RecurrentKernelsTest {
  private static final long SEED = 21;
  private static final Backend ORACLE = new ReferenceBackend(Set.of(Recurrent.class, RecurrentGrad.class));

  private record Sizes(int steps, int sequences, int features, int hidden) {
  }

  private static List<Recurrent> kinds(Recurrent.Cell cell) {
    return List.of(new Recurrent(cell, false, false), new Recurrent(cell, true, false),
        new Recurrent(cell, false, true), new Recurrent(cell, true, true));
  }

  private static List<HostArray> operands(Recurrent op, Sizes s) {
    Random random = new Random(SEED);
    int rows = op.cell().gates() * s.hidden;
    List<HostArray> in = new ArrayList<>();
    in.add(normal(random, 1, s.steps, s.sequences, s.features));
    for (int i = 0; i < op.cell().states(); i++) {
      in.add(normal(random, 1, s.sequences, s.hidden));
    }
    double scale = 0.5 / Math.sqrt(s.hidden);
    in.add(normal(random, scale, rows, s.features));
    in.add(normal(random, scale, rows, s.hidden));
    in.add(normal(random, scale, rows));
    in.add(normal(random, scale, rows));
    if (op.masked()) {
      int[] lengths = new int[s.sequences];
      Arrays.setAll(lengths, i -> random.nextInt(s.steps + 1));
      in.add(HostArray.of(lengths, s.sequences));
    }
    return in;
  }

  private static HostArray normal(Random random, double scale, int... dims) {
    HostArray a = HostArray.zeros(DType.F32, dims);
    for (long i = 0; i < a.shape().size(); i++) {
      a.set(i, (float) (scale * random.nextGaussian()));
    }
    return a;
  }

  private static Operand operand(Backend b, Spec spec) {
    return new Operand(b.allocate(spec.dtype(), spec.shape().size()), Layout.contiguous(spec.shape()));
  }

  private static List<Operand> run(Backend b, Op op, List<Operand> in) {
    List<Operand> out = op.outputs(in.stream().map(Operand::spec).toList()).stream().map(s -> operand(b, s)).toList();
    long bytes = b.scratch(op, in);
    Storage scratch = bytes == 0 ? null : b.allocate(DType.U8, bytes);
    b.execute(new Call(op, in, out, scratch));
    return out;
  }

  private static HostArray read(Backend b, Operand o) {
    HostArray a = HostArray.zeros(o.dtype(), o.shape().dims());
    b.read(o.storage(), 0, a.data());
    return a;
  }

  /** Results and, for random gradients of these, the gradients of the operands. */
  private static List<HostArray> train(Backend b, Recurrent op, List<HostArray> operands) {
    List<Operand> in = new ArrayList<>();
    for (HostArray a : operands) {
      Operand o = operand(b, a.spec());
      b.write(o.storage(), 0, a.data());
      in.add(o);
    }
    List<Operand> out = run(b, op, in);
    Random random = new Random(SEED + 1);
    List<Operand> given = new ArrayList<>();
    List<HostArray> values = new ArrayList<>();
    for (Operand o : out.subList(0, op.results(out.size()))) {
      values.add(read(b, o));
      Operand g = operand(b, o.spec());
      b.write(g.storage(), 0, normal(random, 1, o.shape().dims()).data());
      given.add(g);
    }
    for (Operand o : run(b, op.gradient(), op.gradientOperands(in, out, given))) {
      values.add(read(b, o));
    }
    return values;
  }

  private static List<HostArray> train(int threads, Recurrent op, List<HostArray> operands) {
    try (CpuBackend b = new CpuBackend(threads)) {
      return train(b, op, operands);
    }
  }

  private static void assertSame(String what, List<HostArray> got, List<HostArray> want) {
    for (int k = 0; k < want.size(); k++) {
      assertThat(got.get(k).data().mismatch(want.get(k).data())).as("%s: first byte of value %d that differs", what, k)
          .isEqualTo(-1);
    }
  }

  private static void check(Recurrent op, Sizes s) {
    List<HostArray> operands = operands(op, s);
    List<HostArray> got = train(1, op, operands);
    for (int threads = 2; threads <= 3; threads++) {
      assertSame(op + " on " + threads + " threads", train(threads, op, operands), got);
    }
    List<HostArray> want = train(ORACLE, op, operands);
    // As in the contract: a pre-activation is a sum of I + H ordinary numbers times small weights, and errors add up over the steps.
    double unit = 16 * 0x1p-24 * (Math.sqrt(s.features + s.hidden) + 4) * s.steps;
    for (int k = 0; k < want.size(); k++) {
      double largest = 0;
      for (long i = 0; i < want.get(k).shape().size(); i++) {
        largest = Math.max(largest, Math.abs(want.get(k).get(i)));
      }
      for (long i = 0; i < want.get(k).shape().size(); i++) {
        double w = want.get(k).get(i);
        if (!(Math.abs(got.get(k).get(i) - w) <= unit * (1 + largest))) {
          assertThat(got.get(k).get(i)).as("seed %d: %s %s, value %d at %d", SEED, op, s, k, i)
              .isCloseTo(w, within(unit * (1 + largest)));
        }
      }
    }
  }

  /** Five panels of hidden units and two groups of sequences; gradients of gates reach beyond one block of a sum. */
  @ParameterizedTest
  @EnumSource
  void sharedSteps(Recurrent.Cell cell) {
    kinds(cell).forEach(op -> check(op, new Sizes(3, 37, 19, 150)));
  }

  /** More hidden units than a block of a sum has terms. */
  @ParameterizedTest
  @EnumSource(names = {"RNN_TANH", "LSTM", "GRU"})
  void manyHiddenUnits(Recurrent.Cell cell) {
    check(new Recurrent(cell, false, false), new Sizes(2, 2, 3, 530));
    check(new Recurrent(cell, true, true), new Sizes(2, 2, 0, 530));
  }

  /** Whatever padding is there, NaN too, has no influence and gets no gradient. */
  @ParameterizedTest
  @EnumSource
  void whatIsBehindTheEndOfASequenceDoesNotMatter(Recurrent.Cell cell) {
    Sizes s = new Sizes(6, 9, 5, 35);
    for (boolean reverse : new boolean[] {false, true}) {
      Recurrent op = new Recurrent(cell, reverse, true);
      List<HostArray> operands = operands(op, s);
      List<HostArray> want = train(2, op, operands);
      HostArray lengths = operands.getLast();
      HostArray x = operands.getFirst();
      HostArray gradX = want.get(op.results(op.outputs(operands.stream().map(HostArray::spec).toList()).size()));
      assertThat(gradX.shape()).isEqualTo(Shape.of(s.steps, s.sequences, s.features));
      for (int i = 0; i < x.shape().size(); i++) {
        if (i / s.features / s.sequences >= lengths.get(i / s.features % s.sequences)) {
          x.set(i, Double.NaN);
          assertThat(gradX.get(i)).isZero();
        }
      }
      assertSame(op.toString(), train(2, op, operands), want);
    }
  }
}
