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

  /** Infinities, zeros of both signs, NaN and many equal values; ints that overflow. */
  @Test
  void specialValuesAndIntsHaveTheSameBitsEverywhere() {
    float[] values = {Float.NEGATIVE_INFINITY, -1, -0f, 0, 1, Float.POSITIVE_INFINITY, Float.NaN};
    for (int[] dims : new int[][] {{40, 70}, {300, 33}, {9, 5000}, {2000, 16}}) {
      // Without NaN, with few, and with nothing but the smallest number.
      for (int most : new int[] {6, 7, 1}) {
        Operand floats = operand(Layout.contiguous(Shape.of(dims)));
        Operand ints = new Operand(new CpuStorage(DType.I32, floats.shape().size()), floats.layout());
        for (long i = 0; i < floats.shape().size(); i++) {
          float v = values[most == 7 && random.nextInt(100) > 0 ? random.nextInt(6) : random.nextInt(most)];
          Memory.setFloat(PointwiseKernels.address(floats) + 4 * i, v);
          Memory.setInt(PointwiseKernels.address(ints) + 4 * i, random.nextInt() >> random.nextInt(32));
        }
        for (int axis = 0; axis < 2; axis++) {
          for (Reduce.Kind kind : Reduce.Kind.values()) {
            for (Operand in : List.of(floats, ints)) {
              Reduce op = Reduce.of(kind, List.of(axis), in.dtype().kind());
              if (kind == Reduce.Kind.SUM && in == floats) {
                // NaN everywhere, and not always the same one.
                continue;
              }
              int[] expected = run(op, in, 1, false);
              assertThat(run(op, in, 2, true)).as("%s of %s", op, in).isEqualTo(expected);
              if (in == floats && kind.isPosition() && axis == 1) {
                assertThat(expected[0]).isEqualTo(position(floats, dims[1], kind == Reduce.Kind.ARGMAX));
              }
            }
          }
        }
      }
    }
  }

  /** Of the first row. */
  private static int position(Operand o, int n, boolean max) {
    int best = 0;
    for (int i = 1; i < n; i++) {
      float v = Memory.getFloat(PointwiseKernels.address(o) + 4L * i);
      float other = Memory.getFloat(PointwiseKernels.address(o) + 4L * best);
      best = Float.isNaN(v) ? Float.isNaN(other) ? best : i : (max ? v > other : v < other) ? i : best;
    }
    return best;
  }

  /** Rows that are read in several pieces. */
  @Test
  void positionsInLongRowsAreFound() {
    int n = 20_000;
    for (int at : new int[] {3, 4096, 9000, 16_384, n - 1}) {
      Operand in = operand(Layout.contiguous(Shape.of(2, n)));
      Memory.setFloat(PointwiseKernels.address(in) + 4L * at, 10);
      assertThat(run(Reduce.of(Reduce.Kind.ARGMAX, List.of(1), DType.Kind.FLOAT), in, 2, true)[0]).isEqualTo(at);
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
