package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Gather, ScatterAdd and CumulativeSum. */
abstract class RowsContract extends Contract {
  /** Whether an index out of range is an {@link IndexOutOfBoundsException}; a device may be unable to raise one. */
  abstract boolean raisesIndexErrors();

  private static Trial.Slot indices(Trial t, int n, int rows, Arrangement arrangement) {
    double[] index = new double[n];
    RandomGenerator random = t.random();
    for (int i = 0; i < n; i++) {
      index[i] = random.nextInt(rows);
    }
    return t.slot(DType.I32, index, arrangement, n);
  }

  @Test
  void gatherOfEveryWidthAndElementType() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.I32, DType.U8, DType.BOOL)) {
      for (int columns : new int[] {0, 1, 2, 3, 7, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 300}) {
        trial(columns, t -> {
          Trial.Slot table = t.slot(type, Arrangement.CONTIGUOUS.of(Shape.of(11, columns)), Numbers.SPECIAL);
          List<Trial.Slot> in = List.of(table, indices(t, 23, 11, Arrangement.CONTIGUOUS));
          t.exact(new Gather(), in, t.outputs(new Gather(), Arrangement.CONTIGUOUS, in));
        });
      }
    }
  }

  @Test
  void gatherInEveryLayout() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.U8)) {
      for (Arrangement from : Arrangement.ALL) {
        for (Arrangement to : Arrangement.ALL) {
          trial(to.seed(), t -> {
            List<Trial.Slot> in = List.of(t.slot(type, from, 9, 33), indices(t, 21, 9, to));
            t.exact(new Gather(), in, t.outputs(new Gather(), to, in));
          });
        }
      }
    }
    trial(3, t -> {
      Trial.Slot row = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 17);
      Trial.Slot index = t.slot(DType.I32, new double[] {4}, Arrangement.CONTIGUOUS, 1);
      List<Trial.Slot> in =
          List.of(row.as(row.layout().expand(Shape.of(6, 17))), index.as(index.layout().expand(Shape.of(5))));
      t.exact(new Gather(), in, t.outputs(new Gather(), Arrangement.CONTIGUOUS, in));
    });
  }

  @Test
  void noIndicesAndManyIndices() {
    for (int n : new int[] {0, 1, 4001}) {
      trial(n, t -> {
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 7, 17), indices(t, n, 7, Arrangement.CONTIGUOUS));
        t.exact(new Gather(), in, t.outputs(new Gather(), Arrangement.CONTIGUOUS, in));
        scatter(t, t.slot(DType.F32, Arrangement.CONTIGUOUS, n, 17), in.get(1), 7, Arrangement.CONTIGUOUS);
      });
    }
    trial(1, t -> {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 0, 17), t.slot(DType.I32, Arrangement.CONTIGUOUS, 0));
      t.exact(new Gather(), in, t.outputs(new Gather(), Arrangement.CONTIGUOUS, in));
      scatter(t, in.get(0), in.get(1), 0, Arrangement.CONTIGUOUS);
    });
  }

  private static void scatter(Trial t, Trial.Slot values, Trial.Slot indices, int rows, Arrangement to) {
    Op op = new ScatterAdd(rows);
    t.sums(op, List.of(values, indices), t.outputs(op, to, List.of(values, indices)).get(0), values.shape().dim(0));
  }

  @Test
  void scatterAddOfEveryWidth() {
    for (int columns : new int[] {0, 1, 2, 3, 7, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 300}) {
      for (int rows : new int[] {1, 5, 100}) {
        trial(columns,
            t -> scatter(t, t.slot(DType.F32, Arrangement.CONTIGUOUS, 41, columns),
                indices(t, 41, rows, Arrangement.CONTIGUOUS), rows,
                Arrangement.CONTIGUOUS));
      }
    }
  }

  /** Many rows meet in one, and what they add up to is rounded once. */
  @Test
  void scatterAddOfBf16() {
    assumeSupported(Precision.BF16);
    for (Arrangement a : Arrangement.ALL) {
      for (int columns : new int[] {0, 1, 3, 8, 17, 33}) {
        trial(columns, t -> scatter(t, t.slot(DType.BF16, a, 41, columns),
            indices(t, 41, 5, Arrangement.CONTIGUOUS), 5, a));
      }
    }
    trial(3, t -> scatter(t, t.slot(DType.BF16, Arrangement.CONTIGUOUS, 1001, 9),
        indices(t, 1001, 3, Arrangement.CONTIGUOUS), 3, Arrangement.CONTIGUOUS));
  }

  @Test
  void scatterAddInEveryLayout() {
    for (Arrangement from : Arrangement.ALL) {
      for (Arrangement to : Arrangement.ALL) {
        trial(from.seed(), t -> scatter(t, t.slot(DType.F32, from, 21, 33), indices(t, 21, 6, from), 6, to));
      }
    }
  }

  /** Stride 0: the gradient of a sum over gathered rows. */
  @Test
  void scatterAddOfRepeatedValues() {
    for (int[] small : new int[][] {{1, 33}, {21, 1}, {1, 1}}) {
      trial(6, t -> {
        Trial.Slot values = t.slot(DType.F32, Arrangement.CONTIGUOUS, small);
        scatter(t, values.as(values.layout().expand(Shape.of(21, 33))), indices(t, 21, 6, Arrangement.CONTIGUOUS), 6,
            Arrangement.CONTIGUOUS);
      });
    }
  }

  /** Rows that repeat are added in index order, so the sum is the same number every time and on every machine. */
  @Test
  void scatterAddAddsInIndexOrder() {
    for (int columns : new int[] {1, 17, 64}) {
      trial(columns, t -> {
        int n = 2000;
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, n, columns), indices(t, n, 3, Arrangement.CONTIGUOUS));
        Trial.Slot out = t.outputs(new ScatterAdd(3), Arrangement.CONTIGUOUS, in).get(0);
        t.sums(new ScatterAdd(3), in, out, n);
        float[] expected = new float[3 * columns];
        double[] values = t.values(in.get(0));
        double[] rows = t.values(in.get(1));
        for (int i = 0; i < n; i++) {
          for (int c = 0; c < columns; c++) {
            expected[((int) rows[i]) * columns + c] += (float) values[i * columns + c];
          }
        }
        for (int i = 0; i < expected.length; i++) {
          assertThat((float) t.read(out).get(i)).as("element %d", i).isEqualTo(expected[i]);
        }
      });
    }
  }

  /** More rows than two bytes count, and more indices than one block of a sort takes. */
  @Test
  void scatterAddOfManyRows() {
    for (int rows : new int[] {256, 257, 70_001}) {
      trial(rows, t -> scatter(t, t.slot(DType.F32, Arrangement.CONTIGUOUS, 5000, 4),
          indices(t, 5000, rows, Arrangement.CONTIGUOUS), rows, Arrangement.CONTIGUOUS));
    }
  }

  @Test
  void indicesOutOfRangeAreNamed() {
    if (!raisesIndexErrors()) {
      return;
    }
    for (double bad : new double[] {-1, 9, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      for (int columns : new int[] {1, 33}) {
        trial(5, t -> {
          double[] index = {0, 8, 3, bad, 2};
          Trial.Slot indices = t.slot(DType.I32, index, Arrangement.CONTIGUOUS, 5);
          List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 9, columns), indices);
          List<Trial.Slot> out = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 5, columns));
          refused(t, new Gather(), in, out, (int) bad);
          refused(t, new ScatterAdd(9), List.of(out.get(0), indices), List.of(in.get(0)), (int) bad);
        });
      }
    }
  }

  private void refused(Trial t, Op op, List<Trial.Slot> in, List<Trial.Slot> out, int bad) {
    assertThatThrownBy(() -> {
      backend().execute(t.call(op, in, out));
      backend().synchronize();
    }).as("%s with index %d", op, bad).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining(Integer.toString(bad))
        .hasMessageContaining("9").hasMessageContaining("3");
  }

  @Test
  void cumulativeSumsAlongEveryAxis() {
    int[][] shapes =
        {{1}, {5}, {33}, {0}, {7, 17}, {17, 7}, {3, 5, 16}, {2, 3, 4, 9}, {3, 0, 2}, {2, 1000}, {1000, 33}, {20_011},
            {3, 16_500}};
    for (int[] dims : shapes) {
      for (int axis = 0; axis < dims.length; axis++) {
        for (boolean reverse : new boolean[] {false, true}) {
          int along = axis;
          trial(axis, t -> {
            CumulativeSum op = new CumulativeSum(along, reverse);
            List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, dims));
            t.sums(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0), dims[along]);
          });
        }
      }
    }
  }

  @Test
  void cumulativeSumsInEveryLayout() {
    for (Arrangement from : Arrangement.ALL) {
      for (Arrangement to : Arrangement.ALL) {
        for (int axis = 0; axis < 3; axis++) {
          CumulativeSum op = new CumulativeSum(axis, axis % 2 == 0);
          trial(axis, t -> {
            List<Trial.Slot> in = List.of(t.slot(DType.F32, from, 3, 5, 17));
            t.sums(op, in, t.outputs(op, to, in).get(0), 17);
          });
        }
      }
    }
    trial(9, t -> {
      Trial.Slot one = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 5);
      Layout repeated = one.layout().expand(Shape.of(40, 5));
      List<Trial.Slot> in = List.of(one.as(repeated));
      t.sums(new CumulativeSum(0, false), in, t.outputs(new CumulativeSum(0, false), Arrangement.CONTIGUOUS, in).get(0),
          40);
    });
  }
}
