package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Reductions have the same bits with and without vectors and with any number of threads, and sums are accurate. */
class ReduceKernelsTest {
  private final Random random = new Random(3);

  private Operand operand(Layout layout) {
    CpuStorage s = new CpuStorage(DType.F32, layout.end());
    for (long i = 0; i < layout.end(); i++) {
      Memory.setFloat(s.address() + 4 * i, (float) random.nextGaussian());
    }
    return new Operand(s, layout);
  }

  private static int[] run(Reduce op, Operand in, int threads, boolean vector) {
    var spec = op.outputs(List.of(in.spec())).getFirst();
    Operand out = new Operand(new CpuStorage(spec.dtype(), spec.shape().size()), Layout.contiguous(spec.shape()));
    try (Team team = new Team(threads)) {
      Runnable prepared = ReduceKernels.prepare(op, new Call(op, List.of(in), List.of(out), null), team, vector);
      prepared.run();
      prepared.run();
    }
    int[] bits = new int[(int) spec.shape().size()];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Memory.getInt(PointwiseKernels.address(out) + 4L * i);
    }
    return bits;
  }

  @Test
  void theSameBitsEverywhere() {
    int[][] shapes = {{100}, {4095}, {300_001}, {3, 50_001}, {128, 10}, {1000, 512}, {40_000, 10}, {5000, 37},
        {7, 3000}, {300, 2100}, {9, 8, 7, 65}};
    Expr x = Expr.input(0);
    Program square = Program.of(1, x.mul(x).add(x.tanh()));
    for (int[] dims : shapes) {
      Layout dense = Layout.contiguous(Shape.of(dims));
      for (Operand in : List.of(operand(dense), operand(dims.length < 2 ? dense : swapped(dims)))) {
        for (List<Integer> axes : List.of(List.of(0), List.of(dims.length - 1),
            dims.length < 4 ? List.of(0) : List.of(0, 2, 3))) {
          for (Program p : List.of(Program.IDENTITY, square)) {
            for (Reduce.Kind kind : Reduce.Kind.values()) {
              Reduce op = new Reduce(kind, kind.isPosition() ? List.of(axes.getFirst()) : axes, p, Launch.NONE);
              int[] expected = run(op, in, 1, false);
              for (int threads = 1; threads <= 3; threads++) {
                assertThat(run(op, in, threads, true)).as("%s of %s with %d threads", op, in, threads)
                    .isEqualTo(expected);
              }
            }
          }
        }
      }
    }
  }

  /** The second half is the first one negated, block by block: what is left is the rounding of the order in which parts come together. */
  @Test
  void sumsOfPartsComeTogetherInOneOrder() {
    for (int[] dims : new int[][] {{1 << 19, 1}, {1 << 17, 4}}) {
      Operand in = operand(Layout.contiguous(Shape.of(dims)));
      long half = in.shape().size() / 2;
      int exponent = 0;
      for (long i = 0; i < half; i++) {
        // Blocks so different in size that a double cannot hold their sum exactly.
        exponent = i % 4096 == 0 ? random.nextInt(-40, 40) : exponent;
        float v = Math.scalb(1 + random.nextFloat(), exponent);
        Memory.setFloat(PointwiseKernels.address(in) + 4 * i, v);
        Memory.setFloat(PointwiseKernels.address(in) + 4 * (half + i), -v);
      }
      Reduce op = Reduce.sum(List.of(0), Program.IDENTITY);
      int[] expected = run(op, in, 1, false);
      for (int threads = 1; threads <= 5; threads++) {
        assertThat(run(op, in, threads, true)).as("%d threads", threads).isEqualTo(expected);
      }
    }
  }

  private static Layout swapped(int[] dims) {
    int[] order = new int[dims.length];
    int[] turned = dims.clone();
    for (int i = 0; i < order.length; i++) {
      order[i] = order.length - 1 - i;
      turned[i] = dims[order[i]];
    }
    return Layout.contiguous(Shape.of(turned)).permute(order);
  }

  /** Positive numbers, so that the sum is well conditioned: a float for the result, and hardly any error beyond its rounding. */
  @Test
  void longSumsAreAccurate() {
    for (int[] dims : new int[][] {{3_000_000, 1}, {1, 3_000_000}, {300_000, 5}, {200_000, 16}, {5, 300_000}}) {
      Operand in = operand(Layout.contiguous(Shape.of(dims)));
      for (int axis = 0; axis < 2; axis++) {
        Reduce op = Reduce.sum(List.of(axis), Program.of(1, Expr.input(0).abs()));
        int[] got = run(op, in, 2, true);
        int inner = dims[1];
        for (int i = 0; i < got.length; i++) {
          double sum = 0;
          for (int r = 0; r < dims[axis]; r++) {
            sum += Math
                .abs(Memory.getFloat(PointwiseKernels.address(in) + 4L * (axis == 0 ? r * inner + i : i * inner + r)));
          }
          // At most 64 additions in a row are in single precision; their errors are random, and blocks come together in double.
          assertThat((double) Float.intBitsToFloat(got[i])).as("%s", in).isCloseTo(sum, within(4 * 0x1p-24 * sum));
        }
      }
    }
  }
}
