package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Whole programs: sizes, layouts, broadcasting, several outputs, and programs drawn at random. */
abstract class PointwiseContract extends Contract {
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Expr C = Expr.input(2);
  private static final Pointwise BLEND = Pointwise.of("blend", Program.of(3, A.mul(B).add(C), A.less(B).where(C, A)));
  private static final int[] LENGTHS = {0, 1, 2, 3, 7, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 257, 1031};

  @Test
  void everyLength() {
    for (int n : LENGTHS) {
      trial(n, t -> {
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, n), t.slot(DType.F32, Arrangement.OFFSET, n),
                t.slot(DType.F32, Arrangement.SLICED, n));
        t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
      });
    }
  }

  @Test
  void moreElementsThanAnyChunk() {
    trial(2, t -> {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 70_001), t.slot(DType.BF16, Arrangement.CONTIGUOUS, 70_001),
              t.slot(DType.F32, Arrangement.CONTIGUOUS, 1));
      t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
    });
    trial(3, t -> {
      List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 9001, 9),
          t.slot(DType.F32, Arrangement.COLUMN_MAJOR, 9001, 9),
          t.slot(DType.F32, Arrangement.CONTIGUOUS, 9001, 1));
      t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
    });
  }

  @Test
  void everyLayoutOfInputsWithEveryLayoutOfOutputs() {
    int[][] shapes = {{5}, {7, 33}, {3, 5, 17}, {2, 17, 3, 5}, {2, 3, 1, 5, 7}};
    for (int[] dims : shapes) {
      for (Arrangement from : Arrangement.ALL) {
        for (Arrangement to : Arrangement.ALL) {
          trial(31 * from.seed() + to.seed(), t -> {
            List<Trial.Slot> in =
                List.of(t.slot(DType.F32, from, dims), t.slot(DType.F32, Arrangement.CONTIGUOUS, dims),
                    t.slot(DType.F32, to, dims));
            t.pointwise(BLEND, in, t.outputs(BLEND, to, in));
          });
        }
      }
    }
  }

  /** Each subset of axes repeated by stride 0, by size 1, and by missing leading axes. */
  @Test
  void broadcastingAlongAnyAxes() {
    int[] dims = {3, 2, 17, 5};
    Shape full = Shape.of(dims);
    for (int subset = 0; subset < 16; subset++) {
      int[] small = dims.clone();
      for (int i = 0; i < small.length; i++) {
        if ((subset >> i & 1) != 0) {
          small[i] = 1;
        }
      }
      int[] trailing = Arrays.copyOfRange(small, subset % 5, 4);
      for (Arrangement arrangement : List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST, Arrangement.SLICED)) {
        trial(subset, t -> {
          Trial.Slot repeated = t.slot(DType.F32, arrangement, small);
          List<Trial.Slot> in =
              List.of(t.slot(DType.F32, arrangement, dims), repeated.as(repeated.layout().expand(full)),
                  t.slot(DType.F32, Arrangement.CONTIGUOUS, trailing));
          t.pointwise(BLEND, in, t.outputs(BLEND, arrangement, in));
        });
      }
    }
  }

  /** No operand alone has the shape of the result. */
  @Test
  void outerProductsOfVectors() {
    trial(5, t -> {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 33, 1, 1), t.slot(DType.F32, Arrangement.CONTIGUOUS, 7, 1),
              t.slot(DType.F32, Arrangement.CONTIGUOUS, 19));
      t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
    });
    trial(6, t -> {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 0, 3), t.slot(DType.F32, Arrangement.CONTIGUOUS, 1),
              t.slot(DType.F32, Arrangement.CONTIGUOUS));
      t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
    });
  }

  @Test
  void scalarsOfRankZero() {
    for (Arrangement a : List.of(Arrangement.CONTIGUOUS, Arrangement.SLICED)) {
      trial(7, t -> {
        List<Trial.Slot> in = List.of(t.slot(DType.F32, a), t.slot(DType.F32, a), t.slot(DType.F32, a));
        t.pointwise(BLEND, in, t.outputs(BLEND, a, in));
      });
    }
  }

  @Test
  void updatesInPlace() {
    for (Arrangement a : Arrangement.ALL) {
      for (int n : new int[] {1, 16, 33, 1000}) {
        trial(n, t -> {
          Trial.Slot x = t.slot(DType.F32, a, 3, n);
          Trial.Slot y = t.slot(DType.F32, a, 3, n);
          Trial.Slot g = t.slot(DType.F32, Arrangement.CONTIGUOUS, 3, n);
          // Both outputs read both operands: all of an element must be read before any of it is written.
          Pointwise swap = Pointwise.of("swap", Program.of(3, B.add(C), A.sub(C)));
          t.pointwise(swap, List.of(x, y, g), List.of(x, y));
        });
      }
    }
  }

  @Test
  void outputsOfDifferentTypesAndLayouts() {
    Program p = Program.of(3, A.mul(B), A.less(B), C.mul(100).toInt(), A.sub(C), B.add(C), B.mul(1000).toInt());
    for (int n : new int[] {1, 17, 33, 300}) {
      trial(n, t -> {
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 3, n), t.slot(DType.BF16, Arrangement.COLUMN_MAJOR, 3, n),
                t.slot(DType.F32, Arrangement.CONTIGUOUS, n));
        Pointwise op = new Pointwise("many", p,
            List.of(DType.F32, DType.BOOL, DType.I32, DType.BF16, DType.F32, DType.U8), Launch.NONE);
        List<Trial.Slot> out = new ArrayList<>();
        for (DType type : op.types()) {
          out.add(t.slot(type, Arrangement.ALL.get(out.size()), 3, n));
        }
        t.pointwise(op, in, out);
      });
    }
  }

  @Test
  void fifteenInputs() {
    Expr sum = A;
    for (int i = 1; i < 15; i++) {
      sum = i % 2 == 0 ? sum.add(Expr.input(i)) : sum.sub(Expr.input(i));
    }
    Pointwise op = Pointwise.of("sum", Program.of(15, sum));
    for (int n : new int[] {1, 33, 5000}) {
      trial(n, t -> {
        List<Trial.Slot> in = new ArrayList<>();
        for (int i = 0; i < 15; i++) {
          in.add(t.slot(i % 4 == 3 ? DType.BF16 : DType.F32, Arrangement.ALL.get(i % Arrangement.ALL.size()), 2,
              i % 5 == 4 ? 1 : n));
        }
        t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
      });
    }
  }

  @Test
  void fifteenOutputs() {
    Expr[] outputs = new Expr[15];
    for (int i = 0; i < outputs.length; i++) {
      outputs[i] = A.mul(i + 0.5);
    }
    Pointwise op = Pointwise.of("multiples", Program.of(1, outputs));
    trial(9, t -> {
      List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 77));
      t.pointwise(op, in, t.outputs(op, Arrangement.OFFSET, in));
    });
  }

  @Test
  void programsWithoutInputs() {
    Pointwise op = Pointwise.of("constants",
        Program.of(0, Expr.constant(0.3), Expr.constant(7, Kind.INT), Expr.argument(0)), Launch.of(2.5),
        DType.F32);
    trial(10, t -> t.pointwise(op, List.of(), t.outputs(op, Arrangement.SLICED, List.of())));
  }

  @Test
  void outputsThatAreInputsOrConstantsOrTwiceTheSame() {
    Expr sum = A.add(B);
    Pointwise op = Pointwise.of("copies", Program.of(3, B, A, Expr.constant(4), sum, sum, A));
    for (int n : new int[] {1, 16, 70}) {
      trial(n, t -> {
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, n), t.slot(DType.BF16, Arrangement.CONTIGUOUS, n),
                // Not read by the program.
                t.slot(DType.F32, Arrangement.CONTIGUOUS, 4, 1));
        t.pointwise(op, in, t.outputs(op, Arrangement.PADDED_ROWS, in));
      });
    }
  }

  /** A fill: an input gives the shape, which is all that is used of it. */
  @Test
  void aConstantInTheShapeOfAnInput() {
    for (int n : LENGTHS) {
      trial(n, t -> {
        Pointwise op = Pointwise.of("fill", Program.of(1, Expr.constant(-1.5)));
        List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, n));
        t.pointwise(op, in, t.outputs(op, Arrangement.SLICED, in));
      });
    }
  }

  /**
   * Copies of every element type from every layout to every other: what concatenation and {@code contiguous} are made
   * of.
   */
  @Test
  void copies() {
    for (DType type : List.of(DType.F32, DType.BF16, DType.I32, DType.U8, DType.BOOL)) {
      Pointwise op = new Pointwise("copy", Program.identity(type.kind()), List.of(type), Launch.NONE);
      for (Arrangement from : Arrangement.ALL) {
        for (Arrangement to : Arrangement.ALL) {
          trial(to.seed(), t -> {
            List<Trial.Slot> in = List.of(t.slot(type, from, 2, 5, 33));
            t.pointwise(op, in, t.outputs(op, to, in));
          });
        }
      }
    }
  }

  @Test
  void randomPrograms() {
    long compared = 0;
    long undecided = 0;
    for (long seed = 1; seed <= 150; seed++) {
      try (Trial t = new Trial(backend(), ORACLE, seed)) {
        randomProgram(t);
        compared += t.compared();
        undecided += t.undecided();
      }
    }
    assertThat(undecided).as("elements that rounding decides, against %d compared", compared).isLessThan(compared);
  }

  private static void randomProgram(Trial t) {
    RandomGenerator random = t.random();
    Shape full = randomShape(random);
    List<DType> types = new ArrayList<>();
    int count = random.nextInt(1, 7);
    for (int i = 0; i < count; i++) {
      types.add(i == 0 ? DType.F32 : List
          .of(DType.F32, DType.F32, DType.F32, DType.BF16, DType.I32, DType.U8, DType.BOOL).get(random.nextInt(7)));
    }
    Program p = new RandomPrograms(random).program(types.stream().map(DType::kind).toList(), random.nextInt(1, 31),
        random.nextInt(1, 5));
    List<Trial.Slot> in = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      in.add(randomOperand(t, types.get(i), full, i == 0, random.nextInt(4) == 0 ? Numbers.SPECIAL : Numbers.ORDINARY));
    }
    List<DType> results = new ArrayList<>();
    for (int k = 0; k < p.outputs().size(); k++) {
      results.add(switch (p.outputKind(k)) {
        case FLOAT -> random.nextInt(4) == 0 ? DType.BF16 : DType.F32;
        case INT -> random.nextInt(4) == 0 ? DType.U8 : DType.I32;
        case BOOL -> DType.BOOL;
      });
    }
    Pointwise op = new Pointwise("random", p, results, Launch.NONE);
    t.pointwise(op, in, t.outputs(op, randomArrangement(random), in));
  }

  private static Trial.Slot randomOperand(Trial t, DType type, Shape full, boolean whole, Numbers numbers) {
    RandomGenerator random = t.random();
    if (whole || random.nextInt(3) == 0) {
      return t.slot(type, randomArrangement(random).of(full), numbers);
    }
    int[] dims = full.dims();
    for (int i = 0; i < dims.length; i++) {
      dims[i] = random.nextInt(3) == 0 ? 1 : dims[i];
    }
    Shape small = Shape.of(Arrays.copyOfRange(dims, random.nextInt(dims.length + 1), dims.length));
    Trial.Slot s = t.slot(type, randomArrangement(random).of(small), numbers);
    return random.nextBoolean() ? s : s.as(s.layout().expand(full));
  }

  private static Arrangement randomArrangement(RandomGenerator random) {
    return random.nextInt(3) == 0 ? Arrangement.ALL.get(random.nextInt(Arrangement.ALL.size()))
        : Arrangement.CONTIGUOUS;
  }

  /** Of rank 0 to 5 and up to about a thousand elements. */
  private static Shape randomShape(RandomGenerator random) {
    int[] dims = new int[random.nextInt(6)];
    int left = 1000;
    for (int i = 0; i < dims.length; i++) {
      int limit = Math.min(left, dims.length < 3 ? 100 : 9);
      dims[i] = random.nextInt(20) == 0 ? 0 : random.nextInt(1, limit + 1);
      left = Math.max(1, left / Math.max(1, dims[i]));
    }
    return Shape.of(dims);
  }

  /** Layouts that a broadcast, a transposition and a slice leave behind together. */
  @Test
  void viewsOfViews() {
    trial(12, t -> {
      Trial.Slot whole = t.slot(DType.F32, Arrangement.CONTIGUOUS, 6, 1, 40, 9);
      Layout view =
          whole.layout().expand(Shape.of(6, 4, 40, 9)).permute(2, 0, 3, 1).slice(0, 3, 36, 2).slice(1, 1, 5, 3);
      List<Trial.Slot> in = List.of(whole.as(view), t.slot(DType.F32, Arrangement.CONTIGUOUS, view.shape().dims()),
          t.slot(DType.F32, Arrangement.CONTIGUOUS, 9, 1));
      t.pointwise(BLEND, in, t.outputs(BLEND, Arrangement.CONTIGUOUS, in));
    });
  }
}
