package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** An elementwise operation and the sum of what it makes, in one pass, have the bits of both alone. */
class ReducePairTest {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Pointwise GRADIENT =
      Pointwise.of("gradient", Program.of(2, Expr.constant(0).less(X).where(Y, Expr.constant(0))));

  private final Random random = new Random(7);

  private Operand operand(Layout layout) {
    CpuStorage s = new CpuStorage(DType.F32, layout.end());
    for (long i = 0; i < layout.end(); i++) {
      Memory.setFloat(s.address() + 4 * i, (float) random.nextGaussian());
    }
    return new Operand(s, layout);
  }

  private static Operand zeros(Layout layout) {
    CpuStorage s = new CpuStorage(DType.F32, layout.end());
    Memory.zero(s.address(), 4 * layout.end());
    return new Operand(s, layout);
  }

  private static Call sum(Operand values, List<Integer> axes) {
    Reduce op = Reduce.sum(axes, Program.IDENTITY);
    Shape sums = op.outputs(List.of(values.spec())).getFirst().shape();
    return new Call(op, List.of(values), List.of(zeros(Layout.contiguous(sums))), null);
  }

  private static int[] bits(Operand o) {
    int[] bits = new int[(int) o.layout().end()];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Memory.getInt(((CpuStorage) o.storage()).address() + 4L * i);
    }
    return bits;
  }

  private static Layout channelsLast(int n, int c, int h, int w) {
    return Layout.of(Shape.of(n, c, h, w), new long[] {(long) h * w * c, 1, (long) w * c, c}, 0);
  }

  @Test
  void aPairHasTheBitsOfBothAlone() {
    List<Layout> layouts = List.of(channelsLast(16, 64, 17, 16), channelsLast(5, 37, 40, 41),
        Layout.contiguous(Shape.of(600, 512)), Layout.contiguous(Shape.of(3, 100_001)),
        Layout.contiguous(Shape.of(400_003)), Layout.contiguous(Shape.of(150, 2100)));
    for (Layout layout : layouts) {
      int rank = layout.shape().rank();
      List<List<Integer>> sums = new ArrayList<>(List.of(List.of(0), List.of(rank - 1)));
      if (rank == 4) {
        sums.add(List.of(0, 2, 3));
        sums.add(List.of(2, 3));
        sums.add(List.of(0, 1, 2, 3));
      }
      for (List<Integer> axes : sums) {
        Operand x = operand(layout);
        // A repeated one too: the gradient of a sum.
        for (Operand y : List.of(operand(layout), operand(Layout.contiguous(Shape.of()).expand(layout.shape())))) {
          Call first = new Call(GRADIENT, List.of(x, y), List.of(zeros(layout)), null);
          Call second = sum(first.out().getFirst(), axes);
          String what = layout + " over " + axes;
          try (Team one = new Team(1)) {
            PointwiseKernels.prepare(GRADIENT, first, one, false).run();
            ReduceKernels.prepare((Reduce) second.op(), second, one, false).run();
          }
          for (int threads = 0; threads <= 3; threads++) {
            Call again = new Call(GRADIENT, first.in(), List.of(zeros(layout)), null);
            Call sum = sum(again.out().getFirst(), axes);
            Call both = ReduceKernels.pair(again, sum);
            assertThat(both).as(what).isNotNull();
            try (Team team = new Team(Math.max(1, threads))) {
              Runnable pair = ReduceKernels.prepare(GRADIENT, both, team, threads > 0 && Lanes.AVAILABLE);
              pair.run();
              pair.run();
            }
            assertThat(bits(again.out().getFirst())).as(what).isEqualTo(bits(first.out().getFirst()));
            assertThat(bits(sum.out().getFirst())).as(what).isEqualTo(bits(second.out().getFirst()));
          }
        }
      }
    }
  }

  @Test
  void aReplayPairsNeighbours() {
    Layout layout = channelsLast(16, 64, 17, 16);
    Call first = new Call(GRADIENT, List.of(operand(layout), operand(layout)), List.of(zeros(layout)), null);
    Call second = sum(first.out().getFirst(), List.of(0, 2, 3));
    CpuKernels cpu = new CpuKernels(2);
    assertThat(cpu.prepare(List.of(first, second)).describe()).isEqualTo("1 calls");
    cpu.prepare(List.of(first, second)).run();
    int[] values = bits(first.out().getFirst());
    int[] sums = bits(second.out().getFirst());
    cpu.execute(first);
    cpu.execute(second);
    assertThat(values).isEqualTo(bits(first.out().getFirst()));
    assertThat(sums).isEqualTo(bits(second.out().getFirst()));
    cpu.close();
  }

  @Test
  void whatIsNoPairStaysTwoCalls() {
    Layout layout = channelsLast(16, 64, 17, 16);
    Operand x = operand(layout);
    Operand values = zeros(layout);
    Call made = new Call(GRADIENT, List.of(x, x), List.of(values), null);
    assertThat(ReduceKernels.pair(made, sum(values, List.of(0, 2, 3)))).isNotNull();
    // Of something else.
    assertThat(ReduceKernels.pair(made, sum(x, List.of(0, 2, 3)))).isNull();
    // Small.
    Operand little = zeros(Layout.contiguous(Shape.of(64, 64)));
    Call ofLittle = new Call(GRADIENT, List.of(little, little), List.of(little), null);
    assertThat(ReduceKernels.pair(ofLittle, sum(little, List.of(0)))).isNull();
    // An input with gaps between the rows, which alone would be one long row.
    Operand rows = zeros(Layout.contiguous(Shape.of(600, 512)));
    Operand gaps = operand(Layout.of(rows.shape(), new long[] {520, 1}, 0));
    Call ofRows = new Call(GRADIENT, List.of(gaps, gaps), List.of(rows), null);
    assertThat(ReduceKernels.pair(ofRows, sum(rows, List.of(0)))).isNotNull();
    assertThat(ReduceKernels.pair(ofRows, sum(rows, List.of(0, 1)))).isNull();
    // In another order.
    Operand turned = operand(Layout.contiguous(layout.shape()));
    assertThat(ReduceKernels.pair(new Call(GRADIENT, List.of(x, turned), List.of(values), null),
        sum(values, List.of(0, 2, 3)))).isNull();
    // Sums over what is still to be read.
    Call sum = sum(values, List.of(0, 2, 3));
    Operand over = new Operand(x.storage(), sum.out().getFirst().layout());
    assertThat(ReduceKernels.pair(made, new Call(sum.op(), sum.in(), List.of(over), null))).isNull();
    // Not a sum, or not of the values themselves.
    Reduce max = Reduce.of(Reduce.Kind.MAX, List.of(0, 2, 3), DType.Kind.FLOAT);
    assertThat(ReduceKernels.pair(made, new Call(max, sum.in(), sum.out(), null))).isNull();
    Reduce squares = Reduce.sum(List.of(0, 2, 3), Program.of(1, X.mul(X)));
    assertThat(ReduceKernels.pair(made, new Call(squares, sum.in(), sum.out(), null))).isNull();
  }
}
