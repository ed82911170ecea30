package dev.tandem.core.testing;

import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Matrix products: sizes around tiles and panels, every order of operands in memory, batches, and numbers that are
 * none.
 */
abstract class MatMulContract extends Contract {
  private static final List<Arrangement> MATRICES =
      List.of(Arrangement.CONTIGUOUS, Arrangement.PADDED_ROWS, Arrangement.COLUMN_MAJOR,
          Arrangement.PADDED_COLUMNS, Arrangement.SLICED);

  private static void multiply(Trial t, boolean accumulate, Trial.Slot a, Trial.Slot b, Arrangement to) {
    multiply(t, new MatMul(accumulate), a, b, to);
  }

  private static void multiply(Trial t, MatMul op, Trial.Slot a, Trial.Slot b, Arrangement to) {
    Trial.Slot c = t.outputs(op, to, List.of(a, b)).get(0);
    t.sums(op, List.of(a, b), c, a.shape().dim(-1) + 1);
  }

  private void multiply(int m, int n, int k, Arrangement a, Arrangement b, Arrangement c, boolean accumulate) {
    trial(m * 1_000_003L + n * 1009L + k,
        t -> multiply(t, accumulate, t.slot(DType.F32, a, m, k), t.slot(DType.F32, b, k, n), c));
  }

  @Test
  void smallSizesInEveryCombination() {
    int[] sizes = {0, 1, 2, 3, 5, 8, 13};
    for (int m : sizes) {
      for (int n : sizes) {
        for (int k : sizes) {
          multiply(m, n, k, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS,
              (m + n + k) % 2 == 0);
        }
      }
    }
  }

  @Test
  void sizesAroundTiles() {
    int[] sizes = {7, 8, 9, 12, 13, 14, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97};
    for (int i = 0; i < sizes.length; i++) {
      for (int j = 0; j < sizes.length; j++) {
        int turn = i * sizes.length + j;
        multiply(sizes[i], sizes[j], sizes[(2 * i + 3 * j) % sizes.length], MATRICES.get(turn % 5),
            MATRICES.get(turn / 5 % 5),
            MATRICES.get(turn / 25 % 5), turn % 3 == 0);
      }
    }
  }

  @Test
  void sizesAroundPanels() {
    for (int k : new int[] {127, 128, 129, 240, 255, 256, 257, 511, 512, 513, 1025}) {
      multiply(17, 19, k, Arrangement.CONTIGUOUS, Arrangement.COLUMN_MAJOR, Arrangement.CONTIGUOUS, false);
    }
    multiply(241, 33, 65, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, false);
    multiply(33, 241, 65, Arrangement.COLUMN_MAJOR, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, true);
    multiply(65, 63, 513, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.COLUMN_MAJOR, false);
    multiply(130, 127, 131, Arrangement.COLUMN_MAJOR, Arrangement.COLUMN_MAJOR, Arrangement.PADDED_COLUMNS, true);
    multiply(1, 1031, 33, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, false);
    multiply(1031, 1, 33, Arrangement.CONTIGUOUS, Arrangement.COLUMN_MAJOR, Arrangement.CONTIGUOUS, false);
    multiply(5, 2050, 7, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, false);
    multiply(2050, 5, 7, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, false);
    multiply(1, 1, 9001, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, true);
  }

  @Test
  void everyOrderOfOperandsInMemory() {
    for (Arrangement a : MATRICES) {
      for (Arrangement b : MATRICES) {
        for (Arrangement c : MATRICES) {
          for (boolean accumulate : new boolean[] {false, true}) {
            multiply(19, 35, 21, a, b, c, accumulate);
          }
        }
      }
    }
  }

  @Test
  void batches() {
    int[][] batches = {{0}, {1}, {5}, {2, 3}, {2, 1, 4}};
    List<Arrangement> arrangements =
        List.of(Arrangement.CONTIGUOUS, Arrangement.COLUMN_MAJOR, Arrangement.PADDED_ROWS, Arrangement.TRANSPOSED,
            Arrangement.CHANNELS_LAST, Arrangement.SLICED);
    for (int[] batch : batches) {
      for (Arrangement a : arrangements) {
        for (Arrangement b : arrangements) {
          trial(6, t -> multiply(t, a == b, t.slot(DType.F32, a, dims(batch, 9, 17)),
              t.slot(DType.F32, b, dims(batch, 17, 33)), a));
        }
      }
    }
  }

  /** As attention has them: [batch, time, heads, size] seen as [batch, heads, time, size]. */
  @Test
  void headsOfOneProjection() {
    trial(7, t -> {
      Trial.Slot packed = t.slot(DType.F32, Arrangement.CONTIGUOUS, 2, 11, 3, 4, 8);
      Layout heads = packed.layout().permute(2, 0, 3, 1, 4);
      Trial.Slot query = packed.as(Layout.of(Shape.of(2, 4, 11, 8), strides(heads, 1), heads.offset()));
      Trial.Slot key = packed.as(Layout.of(Shape.of(2, 4, 11, 8), strides(heads, 1), heads.offset() + heads.stride(0)));
      multiply(t, false, query, key.as(key.layout().permute(0, 1, 3, 2)), Arrangement.CONTIGUOUS);
    });
  }

  private static long[] strides(Layout l, int from) {
    return IntStream.range(from, l.shape().rank()).mapToLong(l::stride).toArray();
  }

  /** Batch axes of stride 0, in either operand and in both. */
  @Test
  void repeatedBatches() {
    for (int repeat = 1; repeat < 4; repeat++) {
      boolean first = (repeat & 1) != 0;
      boolean second = (repeat & 2) != 0;
      for (Arrangement arrangement : MATRICES) {
        trial(repeat, t -> {
          Trial.Slot a = t.slot(DType.F32, arrangement, first ? new int[] {9, 13} : new int[] {3, 2, 9, 13});
          Trial.Slot b = t.slot(DType.F32, arrangement, second ? new int[] {2, 13, 33} : new int[] {3, 2, 13, 33});
          multiply(t, false, a.as(a.layout().expand(Shape.of(3, 2, 9, 13))),
              b.as(b.layout().expand(Shape.of(3, 2, 13, 33))),
              Arrangement.CONTIGUOUS);
        });
      }
    }
  }

  /** Rows and columns of stride 0: what the gradient of a sum multiplies with. */
  @Test
  void repeatedRowsAndColumns() {
    for (int[] small : new int[][] {{1, 17}, {9, 1}, {1, 1}}) {
      trial(9, t -> {
        Trial.Slot a = t.slot(DType.F32, Arrangement.CONTIGUOUS, small);
        multiply(t, false, a.as(a.layout().expand(Shape.of(9, 17))), t.slot(DType.F32, Arrangement.CONTIGUOUS, 17, 33),
            Arrangement.CONTIGUOUS);
        Trial.Slot b = t.slot(DType.F32, Arrangement.CONTIGUOUS, small);
        multiply(t, false, t.slot(DType.F32, Arrangement.CONTIGUOUS, 33, 9), b.as(b.layout().expand(Shape.of(9, 17))),
            Arrangement.CONTIGUOUS);
      });
    }
  }

  /** A zero times NaN or infinity is NaN: no zero may be skipped, no padding of a tile may leak. */
  @Test
  void notANumberAndInfinities() {
    for (int n : new int[] {1, 9, 33}) {
      for (Arrangement arrangement : List.of(Arrangement.CONTIGUOUS, Arrangement.COLUMN_MAJOR)) {
        trial(n, t -> {
          double[] x = new double[n * n];
          double[] y = new double[n * n];
          for (int i = 0; i < x.length; i++) {
            x[i] = t.random().nextInt(3) == 0 ? 0 : (float) t.random().nextGaussian();
            y[i] = (float) t.random().nextGaussian();
          }
          y[t.random().nextInt(y.length)] = Double.NaN;
          y[t.random().nextInt(y.length)] = Double.POSITIVE_INFINITY;
          y[t.random().nextInt(y.length)] = Double.NEGATIVE_INFINITY;
          Trial.Slot a = t.slot(DType.F32, x, arrangement, n, n);
          Trial.Slot b = t.slot(DType.F32, y, arrangement, n, n);
          multiply(t, false, a, b, Arrangement.CONTIGUOUS);
          multiply(t, true, b, a, Arrangement.CONTIGUOUS);
        });
      }
    }
  }

  /** Without accumulation the old contents of the output must not matter, not even NaN. */
  @Test
  void oldContentsAreForgotten() {
    for (int k : new int[] {0, 1, 33}) {
      trial(k, t -> {
        Trial.Slot a = t.slot(DType.F32, Arrangement.CONTIGUOUS, 5, k);
        Trial.Slot b = t.slot(DType.F32, Arrangement.CONTIGUOUS, k, 17);
        double[] old = new double[85];
        Arrays.fill(old, Double.NaN);
        Trial.Slot c = t.slot(DType.F32, old, Arrangement.PADDED_ROWS, 5, 17);
        t.sums(new MatMul(false), List.of(a, b), c, k + 1);
      });
    }
  }

  /** Sizes, orders and batches once more, with BF16 operands and results or F32 operands that may be rounded. */
  private void reduced(Precision precision) {
    assumeSupported(precision);
    DType type = precision == Precision.BF16 ? DType.BF16 : DType.F32;
    MatMul op = new MatMul(false, precision == Precision.TF32);
    MatMul add = new MatMul(true, precision == Precision.TF32);
    int[] sizes = {0, 1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 65};
    for (int i = 0; i < sizes.length; i++) {
      for (int j = 0; j < sizes.length; j++) {
        int turn = i * sizes.length + j;
        int k = sizes[(5 * i + 7 * j) % sizes.length];
        Arrangement to = MATRICES.get(turn / 25 % 5);
        int m = sizes[i];
        int n = sizes[j];
        trial(turn, t -> multiply(t, turn % 3 == 0 ? add : op, t.slot(type, MATRICES.get(turn % 5), m, k),
            t.slot(type, MATRICES.get(turn / 5 % 5), k, n), to));
      }
    }
    for (Arrangement a : MATRICES) {
      for (Arrangement b : MATRICES) {
        trial(21, t -> multiply(t, a == b ? add : op, t.slot(type, a, 2, 3, 9, 17), t.slot(type, b, 2, 3, 17, 35), a));
      }
      trial(22, t -> {
        Trial.Slot row = t.slot(type, a, 2, 1, 17);
        Trial.Slot matrix = t.slot(type, a, 17, 5);
        multiply(t, op, row.as(row.layout().expand(Shape.of(2, 9, 17))),
            matrix.as(matrix.layout().expand(Shape.of(2, 17, 5))), Arrangement.CONTIGUOUS);
      });
    }
    // A sum in BF16 would have no correct digit left.
    trial(23, t -> multiply(t, op, t.slot(type, Arrangement.CONTIGUOUS, 3, 4001),
        t.slot(type, Arrangement.COLUMN_MAJOR, 4001, 5), Arrangement.CONTIGUOUS));
  }

  @Test
  void bf16() {
    reduced(Precision.BF16);
  }

  @Test
  void tf32() {
    reduced(Precision.TF32);
  }

  private static int[] dims(int[] batch, int rows, int columns) {
    return IntStream.concat(IntStream.of(batch), IntStream.of(rows, columns)).toArray();
  }
}
