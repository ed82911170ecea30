package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Work by rows has the same bits with any number of threads, and cross entropy with and without vectors too. */
class RowKernelsTest {
  private final Random random = new Random(9);

  private interface Preparation {
    Runnable prepare(Call call, Team team);
  }

  private Operand floats(int... dims) {
    Operand o = output(new Spec(Shape.of(dims), DType.F32));
    for (long i = 0; i < o.shape().size(); i++) {
      Memory.setFloat(PointwiseKernels.address(o) + 4 * i, (float) random.nextGaussian());
    }
    return o;
  }

  private Operand ints(int n, int bound) {
    Operand o = output(new Spec(Shape.of(n), DType.I32));
    for (int i = 0; i < n; i++) {
      Memory.setInt(PointwiseKernels.address(o) + 4L * i, random.nextInt(bound));
    }
    return o;
  }

  private static Operand output(Spec spec) {
    return new Operand(new CpuStorage(spec.dtype(), spec.shape().size()), Layout.contiguous(spec.shape()));
  }

  private static int[] run(Op op, List<Operand> in, int threads, Preparation preparation) {
    List<Operand> out =
        op.outputs(in.stream().map(Operand::spec).toList()).stream().map(RowKernelsTest::output).toList();
    try (Team team = new Team(threads)) {
      preparation.prepare(new Call(op, in, out, null), team).run();
    }
    return out.stream().flatMapToInt(o -> LongStream.range(0, o.shape().size())
        .mapToInt(i -> Float.floatToIntBits(Memory.getFloat(PointwiseKernels.address(o) + 4 * i)))).toArray();
  }

  @Test
  void scatterAddAndCumulativeSumsDoNotDependOnThreads() {
    for (int columns : new int[] {3, 40, 300}) {
      List<Operand> in = List.of(floats(3000, columns), ints(3000, 50));
      ScatterAdd scatter = new ScatterAdd(50);
      int[] expected = run(scatter, in, 1, RowKernels::prepareScatterAdd);
      for (int axis = 0; axis < 2; axis++) {
        CumulativeSum sums = new CumulativeSum(axis, axis == 1);
        int[] alone = run(sums, in.subList(0, 1), 1, (c, t) -> RowKernels.prepareCumulativeSum(sums, c, t));
        assertThat(run(sums, in.subList(0, 1), 3, (c, t) -> RowKernels.prepareCumulativeSum(sums, c, t)))
            .isEqualTo(alone);
      }
      for (int threads = 2; threads <= 3; threads++) {
        assertThat(run(scatter, in, threads, RowKernels::prepareScatterAdd)).as("%d columns", columns)
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void crossEntropyHasTheSameBitsEverywhere() {
    for (int[] dims : new int[][] {{128, 10}, {3000, 37}, {40, 5000}}) {
      List<Operand> in = List.of(floats(dims), ints(dims[0], dims[1] + 1));
      List<Operand> of = List.of(in.get(0), in.get(1), floats(dims[0], 1), floats(dims[0]));
      int[] loss = run(new SoftmaxCrossEntropy(), in, 1, (c, t) -> CrossEntropyKernels.prepareForward(c, t, false));
      int[] grad = run(new SoftmaxCrossEntropyGrad(), of, 1, (c, t) -> CrossEntropyKernels.prepareGrad(c, t, false));
      for (int threads = 1; threads <= 3; threads++) {
        assertThat(
            run(new SoftmaxCrossEntropy(), in, threads, (c, t) -> CrossEntropyKernels.prepareForward(c, t, true)))
            .isEqualTo(loss);
        assertThat(
            run(new SoftmaxCrossEntropyGrad(), of, threads, (c, t) -> CrossEntropyKernels.prepareGrad(c, t, true)))
            .isEqualTo(grad);
      }
    }
  }

  @Test
  void aWrongIndexIsNamedBeforeAnythingIsWritten() {
    Operand values = floats(4, 5);
    Operand indices = ints(4, 3);
    Memory.setInt(PointwiseKernels.address(indices) + 12, 10);
    Operand out = floats(10, 5);
    int before = Memory.getInt(PointwiseKernels.address(out));
    try (Team team = new Team(1)) {
      Runnable add = RowKernels
          .prepareScatterAdd(new Call(new ScatterAdd(10), List.of(values, indices), List.of(out), null), team);
      assertThatThrownBy(add::run).isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessage("index 10 at position 3 is outside a table of 10 rows");
    }
    assertThat(Memory.getInt(PointwiseKernels.address(out))).isEqualTo(before);
  }
}
