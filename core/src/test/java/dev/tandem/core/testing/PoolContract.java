package dev.tandem.core.testing;

import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.PoolGeometry.Kind;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Pooling and its gradient: windows that overlap, leave gaps and hang over the edge; ties and NaN. */
abstract class PoolContract extends Contract {
  private void both(PoolGeometry g, Numbers numbers, Arrangement from, Arrangement to, int... dims) {
    both(DType.F32, g, numbers, from, to, dims);
  }

  private void both(DType type, PoolGeometry g, Numbers numbers, Arrangement from, Arrangement to, int... dims) {
    trial(g.hashCode(), t -> {
      Trial.Slot x = t.slot(type, from.of(Shape.of(dims)), numbers);
      Pool2d op = new Pool2d(g);
      Trial.Slot y = t.outputs(op, to, List.of(x)).get(0);
      int window = g.kernelH() * g.kernelW();
      if (g.kind() == Kind.MAX) {
        t.exact(op, List.of(x), List.of(y));
      } else {
        t.sums(op, List.of(x), y, window);
      }
      Pool2dGrad grad = new Pool2dGrad(g);
      Trial.Slot gradY = t.slot(type, to, y.shape().dims());
      // A maximum chooses by x, so that the magnitudes must be those of the gradient alone.
      t.sums(grad, List.of(x, gradY), t.outputs(grad, from, List.of(x, gradY)).get(0), window, 0);
    });
  }

  private void both(PoolGeometry g, Numbers numbers, int... dims) {
    both(g, numbers, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, dims);
    both(g, numbers, Arrangement.CHANNELS_LAST, Arrangement.CHANNELS_LAST, dims);
  }

  @Test
  void windowsStridesAndPadding() {
    for (Kind kind : Kind.values()) {
      for (int kernel : new int[] {1, 2, 3, 5}) {
        for (int stride = 1; stride <= 4; stride++) {
          for (int padding = 0; 2 * padding <= kernel; padding++) {
            both(new PoolGeometry(kind, kernel, kernel, stride, stride, padding, padding), Numbers.ORDINARY, 2, 3, 9,
                11);
          }
        }
      }
      both(new PoolGeometry(kind, 3, 2, 2, 1, 1, 0), Numbers.ORDINARY, 2, 5, 8, 9);
      both(new PoolGeometry(kind, 1, 4, 1, 3, 0, 2), Numbers.ORDINARY, 1, 2, 6, 17);
      both(new PoolGeometry(kind, 7, 6, 7, 6, 0, 0), Numbers.ORDINARY, 3, 4, 7, 6);
      both(PoolGeometry.of(kind, 2), Numbers.ORDINARY, 0, 3, 6, 6);
    }
  }

  @Test
  void sizesAroundLaneWidths() {
    for (Kind kind : Kind.values()) {
      for (int n : new int[] {7, 8, 15, 16, 17, 31, 32, 33, 65}) {
        both(PoolGeometry.of(kind, 2), Numbers.ORDINARY, 1, n, 4, 4);
        both(PoolGeometry.of(kind, 2), Numbers.ORDINARY, 2, 2, 4, 2 * n);
        both(new PoolGeometry(kind, 3, 3, 2, 2, 1, 1), Numbers.ORDINARY, 2, 2, 5, n);
      }
    }
  }

  @Test
  void everyLayout() {
    for (Kind kind : Kind.values()) {
      for (Arrangement from : Arrangement.ALL) {
        for (Arrangement to : Arrangement.ALL) {
          both(new PoolGeometry(kind, 3, 3, 2, 2, 1, 1), Numbers.ORDINARY, from, to, 2, 5, 6, 7);
        }
      }
    }
  }

  /** Sums of a window and of the windows over an element are rounded once. */
  @Test
  void bf16() {
    assumeSupported(Precision.BF16);
    for (Kind kind : Kind.values()) {
      for (Arrangement a : Arrangement.ALL) {
        both(DType.BF16, new PoolGeometry(kind, 3, 3, 2, 2, 1, 1), Numbers.ORDINARY, a, a, 2, 5, 6, 7);
        both(DType.BF16, new PoolGeometry(kind, 5, 4, 1, 1, 2, 0), Numbers.ORDINARY, a, Arrangement.CONTIGUOUS, 2, 3, 9,
            11);
      }
      both(DType.BF16, PoolGeometry.of(kind, 2), Numbers.SMALL_INTEGERS, Arrangement.CHANNELS_LAST,
          Arrangement.CHANNELS_LAST, 3, 17, 8, 10);
      both(DType.BF16, new PoolGeometry(kind, 2, 2, 1, 1, 1, 1),
          kind == Kind.MAX ? Numbers.SPECIAL : Numbers.NOT_FINITE, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 2,
          17,
          6, 6);
    }
  }

  /** The whole gradient goes to the first of equal elements in row-major order. */
  @Test
  void ties() {
    for (int stride = 1; stride <= 3; stride++) {
      both(new PoolGeometry(Kind.MAX, 3, 3, stride, stride, 1, 1), Numbers.SMALL_INTEGERS, 3, 17, 9, 9);
    }
    trial(4, t -> {
      Trial.Slot x = t.slot(DType.F32, new double[16], Arrangement.CONTIGUOUS, 1, 1, 4, 4);
      Trial.Slot gradY = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 1, 2, 2);
      Pool2dGrad grad = new Pool2dGrad(PoolGeometry.of(Kind.MAX, 2));
      t.exact(grad, List.of(x, gradY), t.outputs(grad, Arrangement.CONTIGUOUS, List.of(x, gradY)));
    });
  }

  /** NaN is the maximum, also of infinity; padding never is, even when all else is negative infinity. */
  @Test
  void notANumberAndInfinities() {
    for (Kind kind : Kind.values()) {
      both(new PoolGeometry(kind, 2, 2, 1, 1, 1, 1), kind == Kind.MAX ? Numbers.SPECIAL : Numbers.NOT_FINITE, 2, 17, 6,
          6);
    }
    for (Arrangement a : List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST)) {
      trial(6, t -> {
        double[] low = new double[2 * 3 * 4 * 4];
        Arrays.fill(low, Double.NEGATIVE_INFINITY);
        Trial.Slot x = t.slot(DType.F32, low, a, 2, 3, 4, 4);
        PoolGeometry g = new PoolGeometry(Kind.MAX, 3, 3, 2, 2, 1, 1);
        t.exact(new Pool2d(g), List.of(x), t.outputs(new Pool2d(g), a, List.of(x)));
        Trial.Slot gradY = t.slot(DType.F32, a, 2, 3, 2, 2);
        t.sums(new Pool2dGrad(g), List.of(x, gradY), t.outputs(new Pool2dGrad(g), a, List.of(x, gradY)).get(0), 9, 0);
      });
    }
  }

  /** Stride 0: the gradient of a sum over the output. */
  @Test
  void repeatedGradients() {
    for (Kind kind : Kind.values()) {
      trial(7, t -> {
        Trial.Slot x = t.slot(DType.F32, Arrangement.CONTIGUOUS, 2, 17, 6, 6);
        Trial.Slot one = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1);
        Pool2dGrad grad = new Pool2dGrad(new PoolGeometry(kind, 3, 3, 1, 1, 1, 1));
        List<Trial.Slot> in = List.of(x, one.as(one.layout().expand(Shape.of(2, 17, 6, 6))));
        t.sums(grad, in, t.outputs(grad, Arrangement.CONTIGUOUS, in).get(0), 9, 0);
      });
    }
  }
}
