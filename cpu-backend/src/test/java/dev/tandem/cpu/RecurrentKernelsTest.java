package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
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
import org.junit.jupiter.api.Test;
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
    in.add(HostRun.normal(random, 1, s.steps, s.sequences, s.features));
    for (int i = 0; i < op.cell().states(); i++) {
      in.add(HostRun.normal(random, 1, s.sequences, s.hidden));
    }
    double scale = 0.5 / Math.sqrt(s.hidden);
    in.add(HostRun.normal(random, scale, rows, s.features));
    in.add(HostRun.normal(random, scale, rows, s.hidden));
    in.add(HostRun.normal(random, scale, rows));
    in.add(HostRun.normal(random, scale, rows));
    if (op.masked()) {
      int[] lengths = new int[s.sequences];
      Arrays.setAll(lengths, i -> random.nextInt(s.steps + 1));
      in.add(HostArray.of(lengths, s.sequences));
    }
    return in;
  }

  /** Results and, for random gradients of these, the gradients of the operands. */
  private static List<HostArray> train(Backend b, Recurrent op, List<HostArray> operands) {
    List<Operand> in = operands.stream().map(a -> HostRun.operand(b, a)).toList();
    List<Operand> out = HostRun.run(b, op, in);
    Random random = new Random(SEED + 1);
    List<Operand> given = new ArrayList<>();
    List<HostArray> values = new ArrayList<>();
    for (Operand o : out.subList(0, op.results(out.size()))) {
      values.add(HostRun.read(b, o));
      given.add(HostRun.operand(b, HostRun.normal(random, 1, o.shape().dims())));
    }
    for (Operand o : HostRun.run(b, op.gradient(), op.gradientOperands(in, out, given))) {
      values.add(HostRun.read(b, o));
    }
    return values;
  }

  private static List<HostArray> train(int threads, Recurrent op, List<HostArray> operands) {
    try (CpuBackend b = new CpuBackend(threads)) {
      return train(b, op, operands);
    }
  }

  /** With inputs as an embedding gives them, of so many different rows. */
  private static List<HostArray> operands(Recurrent op, Sizes s, int distinct) {
    List<HostArray> operands = operands(op, s);
    Random random = new Random(SEED + 2);
    HostArray x = operands.getFirst();
    for (int row = distinct; row < s.steps * s.sequences; row++) {
      int like = random.nextInt(distinct);
      for (int i = 0; i < s.features; i++) {
        x.set(row * s.features + i, x.get(like * s.features + i));
      }
    }
    return operands;
  }

  private static void check(Recurrent op, Sizes s) {
    check(op, s, operands(op, s));
  }

  private static void check(Recurrent op, Sizes s, List<HostArray> operands) {
    List<HostArray> got = train(1, op, operands);
    for (int threads = 2; threads <= 3; threads++) {
      HostRun.assertSame(op + " on " + threads + " threads", train(threads, op, operands), got);
    }
    List<HostArray> want = train(ORACLE, op, operands);
    // As in the contract: a pre-activation is a sum of I + H ordinary numbers times small weights; errors add up over the
    // steps.
    double unit = 16 * 0x1p-24 * (Math.sqrt(s.features + s.hidden) + 4) * s.steps;
    HostRun.assertClose("seed " + SEED + ": " + op + " " + s, got, want, unit);
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

  /** More steps than an LSTM's gradients of weights are added up for at a time, and more sequences than a block of a sum has terms. */
  @Test
  void manyRows() {
    kinds(Recurrent.Cell.LSTM).forEach(op -> check(op, new Sizes(9, 37, 5, 35)));
    check(new Recurrent(Recurrent.Cell.LSTM, false, false), new Sizes(2, 520, 3, 17));
  }

  /** One more distinct row would be too many, and one row is alone in the last block of steps. */
  @ParameterizedTest
  @EnumSource
  void repeatedInputs(Recurrent.Cell cell) {
    Sizes s = new Sizes(9, 37, 19, 86);
    int most = DistinctRows.most(s.steps * s.sequences, s.features);
    assertThat(most).isEqualTo(9 * 37 / 4);
    for (Recurrent op : kinds(cell)) {
      check(op, s, operands(op, s, most));
      check(op, s, operands(op, s, most + 1));
    }
    check(new Recurrent(cell, false, false), new Sizes(70, 2, 16, 32), operands(new Recurrent(cell, false, false),
        new Sizes(70, 2, 16, 32), 1));
  }

  /** What is kept for a gradient is left out if none will come, and nothing else. */
  @Test
  void resultsAreTheSameWithoutMemoryForAGradient() {
    try (CpuBackend b = new CpuBackend(2)) {
      for (Recurrent op : kinds(Recurrent.Cell.LSTM)) {
        List<HostArray> operands = operands(op, new Sizes(4, 37, 19, 70), 30);
        List<Operand> in = operands.stream().map(a -> HostRun.operand(b, a)).toList();
        List<Operand> all = HostRun.run(b, op, in);
        int results = op.results(all.size());
        List<Spec> memory = all.subList(results, all.size()).stream().map(Operand::spec).toList();
        List<Spec> specs = operands.stream().map(HostArray::spec).toList();
        assertThat(b.memory(op, specs, memory, true)).isEqualTo(memory);
        assertThat(b.memory(op, specs, memory, false)).isEmpty();
        List<Operand> some = all.subList(0, results).stream()
            .map(o -> new Operand(b.allocate(o.dtype(), o.shape().size()), Layout.contiguous(o.shape()))).toList();
        b.execute(new Call(op, in, some, b.allocate(DType.U8, b.scratch(op, in, some))));
        HostRun.assertSame("seed " + SEED + ": " + op, some.stream().map(o -> HostRun.read(b, o)).toList(),
            all.subList(0, results).stream().map(o -> HostRun.read(b, o)).toList());
      }
    }
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
      HostRun.assertSame(op.toString(), train(2, op, operands), want);
    }
  }
}
