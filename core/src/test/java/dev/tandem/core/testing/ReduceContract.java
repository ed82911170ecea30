package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.Reduce.Kind;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Reductions: every kind over every subset of axes, prologues, ties, NaN, and sums that cancel. */
abstract class ReduceContract extends Contract {
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Expr C = Expr.input(2);

  private static List<List<Integer>> subsets(int rank) {
    List<List<Integer>> all = new ArrayList<>();
    for (int bits = 0; bits < 1 << rank; bits++) {
      List<Integer> axes = new ArrayList<>();
      for (int i = 0; i < rank; i++) {
        if ((bits >> i & 1) != 0) {
          axes.add(i);
        }
      }
      all.add(axes);
    }
    return all;
  }

  private void reduce(long seed, Kind kind, List<Integer> axes, DType type, Numbers numbers, Arrangement from,
      Arrangement to, int... dims) {
    if (kind.isPosition() && axes.size() != 1) {
      return;
    }
    trial(seed, t -> {
      Reduce op = Reduce.of(kind, axes, type.kind());
      List<Trial.Slot> in = List.of(t.slot(type, from.of(Shape.of(dims)), numbers));
      t.reduce(op, in, t.outputs(op, to, in).get(0));
    });
  }

  @Test
  void everyKindOverEverySubsetOfAxes() {
    int[][] shapes = {{}, {5}, {33}, {7, 13}, {3, 65}, {4, 5, 17}, {2, 17, 3, 5}, {3, 2, 5, 33}};
    for (int[] dims : shapes) {
      for (List<Integer> axes : subsets(dims.length)) {
        for (Kind kind : Kind.values()) {
          for (Arrangement a : Arrangement.ALL) {
            reduce(a.seed(), kind, axes, DType.F32, Numbers.ORDINARY, a, Arrangement.CONTIGUOUS, dims);
            reduce(a.seed(), kind, axes, DType.F32, Numbers.ORDINARY, a, a, dims);
          }
        }
      }
    }
  }

  @Test
  void everyElementType() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.I32, DType.U8)) {
      for (Kind kind : Kind.values()) {
        for (List<Integer> axes : subsets(3)) {
          for (Numbers numbers : List.of(Numbers.SMALL_INTEGERS, Numbers.WIDE)) {
            reduce(2, kind, axes, type, numbers, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 3, 7, 33);
            reduce(3, kind, axes, type, numbers, Arrangement.COLUMN_MAJOR, Arrangement.SLICED, 3, 7, 33);
          }
        }
      }
    }
  }

  @Test
  void everyLengthOfRowsAndColumns() {
    for (int n : new int[] {1, 2, 3, 7, 8, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 257, 1025}) {
      for (Kind kind : Kind.values()) {
        reduce(n, kind, List.of(1), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 3, n);
        reduce(n, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, n, 3);
        reduce(n, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.OFFSET, Arrangement.OFFSET, 5, n);
        reduce(n, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, n);
      }
    }
  }

  @Test
  void longRowsAndTallColumns() {
    for (Kind kind : Kind.values()) {
      reduce(4, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 70_001);
      reduce(5, kind, List.of(1), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 2,
          40_003);
      reduce(6, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 20_011,
          3);
      reduce(7, kind, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 2,
          40_003);
    }
    reduce(8, Kind.SUM, List.of(0, 2, 3), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS,
        8, 17, 20, 20);
    reduce(9, Kind.SUM, List.of(0, 2, 3), DType.F32, Numbers.ORDINARY, Arrangement.CHANNELS_LAST,
        Arrangement.CONTIGUOUS, 8, 17, 20, 20);
    reduce(10, Kind.SUM, List.of(0), DType.I32, Numbers.WIDE, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 70_001);
  }

  /** Equal elements: the first wins, whichever lane, thread or part of the row it is in. */
  @Test
  void theFirstOfEqualElementsWins() {
    for (Kind kind : List.of(Kind.ARGMAX, Kind.ARGMIN)) {
      for (DType type : List.of(DType.F32, DType.I32)) {
        for (int n : new int[] {1, 5, 16, 33, 100, 3001}) {
          reduce(n, kind, List.of(1), type, Numbers.SMALL_INTEGERS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 9,
              n);
          reduce(n, kind, List.of(0), type, Numbers.SMALL_INTEGERS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, n,
              9);
        }
      }
    }
  }

  /** One special number among ordinary ones, at every place of a row. */
  @Test
  void notANumberAndInfinities() {
    double[] odd = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0};
    for (int n : new int[] {1, 2, 17, 40}) {
      for (Kind kind : Kind.values()) {
        for (int axis = 0; axis < 2; axis++) {
          int reduced = axis;
          trial(n, t -> {
            // Row r holds one special number at r, and for r >= n another behind it.
            double[] x = new double[2 * n * n];
            for (int r = 0; r < 2 * n; r++) {
              for (int i = 0; i < n; i++) {
                double v = i == r % n ? odd[r % 4]
                    : r >= n && i == (r + 3) % n ? odd[(r / 4 + 1) % 4] : (float) t.random().nextGaussian();
                x[reduced == 1 ? r * n + i : i * 2 * n + r] = v;
              }
            }
            Reduce op = Reduce.of(kind, List.of(reduced), DType.Kind.FLOAT);
            List<Trial.Slot> in = List
                .of(t.slot(DType.F32, x, Arrangement.CONTIGUOUS, reduced == 1 ? 2 * n : n, reduced == 1 ? n : 2 * n));
            t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
          });
        }
      }
    }
    for (Kind kind : Kind.values()) {
      trial(13, t -> {
        double[] same = {Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY,
            Double.POSITIVE_INFINITY, Double.NaN, Double.NaN};
        Reduce op = Reduce.of(kind, List.of(1), DType.Kind.FLOAT);
        List<Trial.Slot> in = List.of(t.slot(DType.F32, same, Arrangement.CONTIGUOUS, 3, 2));
        t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
      });
    }
  }

  /** Large numbers that cancel leave an error in proportion to them, and no more. */
  @Test
  void sumsThatCancel() {
    for (int n : new int[] {2, 64, 1000, 20_000}) {
      trial(n, t -> {
        double[] x = new double[2 * n];
        for (int i = 0; i < n; i++) {
          x[i] = (float) (1e6 * t.random().nextGaussian());
          x[2 * n - 1 - i] = -x[i] + (float) (t.random().nextGaussian() * 0.5);
        }
        for (List<Integer> axes : List.of(List.of(0), List.of(0, 1))) {
          Reduce op = Reduce.of(Kind.SUM, axes, DType.Kind.FLOAT);
          List<Trial.Slot> in = List.of(t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 2 * n, 1));
          t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
        }
      });
    }
  }

  /** What gradients of broadcast operands, means, variances and norms are made of. */
  @Test
  void prologuesWithSeveralBroadcastInputs() {
    Program deviation = Program.of(3, A.sub(B).mul(A.sub(B)).mul(C));
    Program exponent = Program.of(3, A.sub(B).exp().mul(Expr.argument(0)).add(C));
    Program mask = Program.of(3, A.less(B).where(C, Expr.constant(0)));
    for (Program p : List.of(deviation, exponent, mask)) {
      for (List<Integer> axes : subsets(4)) {
        for (Kind kind : List.of(Kind.SUM, Kind.MAX, Kind.MIN)) {
          for (Arrangement a : List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST, Arrangement.SLICED)) {
            trial(15, t -> {
              Reduce op = new Reduce(kind, axes, p, Launch.of(0.25));
              List<Trial.Slot> in =
                  List.of(t.slot(DType.F32, a, 3, 17, 2, 5), t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 17, 1, 1),
                      t.slot(DType.BF16, Arrangement.CONTIGUOUS, 2, 5));
              t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
            });
          }
        }
      }
    }
  }

  /** Counting: how many labels are hit, which is a sum of integers. */
  @Test
  void integerPrologues() {
    Expr i = Expr.input(0, DType.Kind.INT);
    Expr j = Expr.input(1, DType.Kind.INT);
    for (Program p : List.of(Program.of(2, i.equal(j).toInt()), Program.of(2, i.mul(j)),
        Program.of(2, i.sub(j).toFloat()))) {
      for (Kind kind : Kind.values()) {
        trial(16, t -> {
          Reduce op = new Reduce(kind, List.of(0), p, Launch.NONE);
          List<Trial.Slot> in =
              List.of(t.slot(DType.I32, Arrangement.CONTIGUOUS, 333, 5), t.slot(DType.U8, Arrangement.CONTIGUOUS, 5));
          t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
        });
      }
    }
  }

  /** Integer sums wrap, as Java's do. */
  @Test
  void integerSumsWrap() {
    for (int n : new int[] {2, 17, 64, 1000}) {
      reduce(n, Kind.SUM, List.of(0), DType.I32, Numbers.SPECIAL, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, n, 3);
      reduce(n, Kind.SUM, List.of(1), DType.I32, Numbers.SPECIAL, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 3, n);
    }
  }

  @Test
  void sumsOfNothingAreZero() {
    reduce(17, Kind.SUM, List.of(0), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.SLICED, 0, 5);
    reduce(18, Kind.SUM, List.of(1), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 33,
        0);
    reduce(19, Kind.SUM, List.of(0, 1), DType.I32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 3,
        0);
    for (Kind kind : Kind.values()) {
      reduce(20, kind, List.of(1), DType.F32, Numbers.ORDINARY, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, 0, 5);
    }
  }

  /** Operands of stride 0: the gradient of a sum, summed again. */
  @Test
  void repeatedOperands() {
    Shape full = Shape.of(3, 17, 5);
    for (int[] small : new int[][] {{1, 17, 5}, {3, 1, 5}, {17, 1}, {1}, {}}) {
      for (List<Integer> axes : subsets(3)) {
        for (Kind kind : List.of(Kind.SUM, Kind.MAX)) {
          trial(21, t -> {
            Trial.Slot x = t.slot(DType.F32, Arrangement.CONTIGUOUS, small);
            List<Trial.Slot> in = List.of(x.as(x.layout().expand(full)));
            Reduce op = Reduce.of(kind, axes, DType.Kind.FLOAT);
            t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
          });
        }
      }
    }
  }

  @Test
  void randomReductions() {
    long compared = 0;
    long undecided = 0;
    for (long seed = 1; seed <= 120; seed++) {
      try (Trial t = new Trial(backend(), ORACLE, seed)) {
        randomReduction(t);
        compared += t.compared();
        undecided += t.undecided();
      }
    }
    assertThat(undecided).as("sums that rounding decides, against %d compared", compared).isLessThan(compared);
  }

  private static void randomReduction(Trial t) {
    RandomGenerator random = t.random();
    int[] dims = random.ints(random.nextInt(1, 5), 1, 12).toArray();
    List<Integer> axes = subsets(dims.length).get(random.nextInt(1 << dims.length));
    List<DType> types = List.of(DType.F32, random.nextBoolean() ? DType.F32 : DType.I32,
        random.nextBoolean() ? DType.BF16 : DType.BOOL);
    Program drawn =
        new RandomPrograms(random).program(types.stream().map(DType::kind).toList(), random.nextInt(1, 9), 1);
    if (drawn.outputKind(0) == DType.Kind.BOOL) {
      return;
    }
    int[] small = dims.clone();
    small[random.nextInt(dims.length)] = 1;
    Reduce op = new Reduce(List.of(Kind.SUM, Kind.MAX, Kind.MIN).get(random.nextInt(3)), axes, drawn, Launch.NONE);
    Arrangement a = Arrangement.ALL.get(random.nextInt(Arrangement.ALL.size()));
    List<Trial.Slot> in = List.of(t.slot(types.get(0), a, dims), t.slot(types.get(1), Arrangement.CONTIGUOUS, small),
        t.slot(types.get(2), Arrangement.CONTIGUOUS, dims[dims.length - 1]));
    t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
  }
}
