package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The interpreter gives the bits of the scalar loop, which is held against the vector loop elsewhere. */
class PointwiseInterpreterTest {
  private static final int SEED = 19;
  private static final int INPUTS = 3;
  private static final float[] SPECIAL = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0f, -0f,
      Float.MIN_VALUE, -Float.MIN_VALUE, Float.MAX_VALUE, 1f, -1f};
  private static final double[] ARGUMENTS = {0.25, 1};
  private static final List<UnaryOperator<Expr>> FUNCTIONS = List.of(Expr::exp, Expr::log, Expr::expm1, Expr::log1p,
      Expr::tanh, Expr::sigmoid, Expr::erf, Expr::sqrt, Expr::floor, Expr::abs, Expr::neg);
  private static final List<BinaryOperator<Expr>> OPERATIONS =
      List.of(Expr::add, Expr::sub, Expr::mul, Expr::div, Expr::max, Expr::min);
  /** Rows and columns: of less than a block, of just one, of more, and rows of several blocks. */
  private static final int[][] SHAPES = {{1, 1}, {7, 1}, {1, 5}, {3, 10}, {700, 10}, {129, 32}, {300, 33}, {5, 1000},
      {1, PointwiseInterpreter.BLOCK}, {2, PointwiseInterpreter.BLOCK + 1}, {3, 9000}, {4097, 2}};

  private final Random random = new Random(SEED);

  /** How the rows of an operand lie. */
  private enum Rows {
    DENSE, REPEATED, GAPS
  }

  /** Where the operands are: numbers, and in them the first of each operand and the steps between rows, in floats. */
  private record Places(float[] values, int[] first, int[] row) {
  }

  /** Expressions over the inputs, as many as there are instructions, each over earlier ones. */
  private Program program(int steps) {
    List<Expr> floats = new ArrayList<>(List.of(Expr.constant(0.7), Expr.argument(0)));
    for (int k = 0; k < INPUTS; k++) {
      floats.add(Expr.input(k));
    }
    List<Expr> bools = new ArrayList<>(List.of(Expr.input(0).less(0.3), Expr.argument(1, Kind.BOOL),
        Expr.constant(random.nextInt(2), Kind.BOOL)));
    for (int i = 0; i < steps; i++) {
      Expr a = floats.get(random.nextInt(Math.max(0, floats.size() - 5), floats.size()));
      Expr b = floats.get(random.nextInt(floats.size()));
      Expr t = bools.get(random.nextInt(bools.size()));
      switch (random.nextInt(8)) {
        case 0, 1 -> floats.add(FUNCTIONS.get(random.nextInt(FUNCTIONS.size())).apply(a));
        case 2, 3 -> floats.add(OPERATIONS.get(random.nextInt(OPERATIONS.size())).apply(a, b));
        case 4 -> floats.add(t.where(a, b));
        case 5 -> floats.add(t.toFloat());
        case 6 -> bools.add(random.nextBoolean() ? a.less(b) : a.equal(b));
        default -> bools
            .add(random.nextBoolean() ? t.equal(bools.getLast()) : t.where(bools.getLast(), bools.getFirst()));
      }
    }
    return Program.of(INPUTS, floats.getLast(), floats.get(floats.size() - 2), bools.getLast().toFloat());
  }

  private float number() {
    return random.nextInt(4) == 0 ? SPECIAL[random.nextInt(SPECIAL.length)] : (float) random.nextGaussian() * 3;
  }

  /** @param inPlace whether the first output is where the last input is */
  private Places places(List<Access> accesses, List<Rows> rows, int count, int n, boolean inPlace) {
    int[] first = new int[accesses.size()];
    int[] row = new int[first.length];
    int end = 0;
    for (int k = 0; k < first.length; k++) {
      int columns = accesses.get(k).step() == Access.Step.ZERO ? 1 : n;
      row[k] = switch (rows.get(k)) {
        case DENSE -> columns;
        case REPEATED -> 0;
        case GAPS -> columns + 3;
      };
      first[k] = end;
      if (inPlace && k == INPUTS) {
        first[k] = first[k - 1];
        row[k] = row[k - 1];
      } else {
        end += row[k] * (count - 1) + columns + 1;
      }
    }
    float[] values = new float[end];
    for (int i = 0; i < end; i++) {
      values[i] = number();
    }
    return new Places(values, first, row);
  }

  private interface Body {
    void run(long[] at, long[] row);
  }

  /** All numbers as they are after a run, the gaps too; a NaN may be any NaN. */
  private static int[] run(Places p, Body body) {
    CpuStorage memory = new CpuStorage(DType.F32, p.values.length);
    Memory.setFloats(memory.address(), p.values, 0, p.values.length);
    body.run(Arrays.stream(p.first).mapToLong(f -> memory.address() + 4L * f).toArray(),
        Arrays.stream(p.row).mapToLong(r -> 4L * r).toArray());
    float[] after = new float[p.values.length];
    Memory.getFloats(memory.address(), after, 0, after.length);
    int[] bits = new int[after.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(after[i]);
    }
    return bits;
  }

  private Rows rows(int columns, boolean written) {
    return columns >= 32 && random.nextInt(3) == 0 ? Rows.GAPS
        : written || random.nextBoolean() ? Rows.DENSE : Rows.REPEATED;
  }

  @Test
  void randomProgramsHaveTheBitsOfTheScalarLoop() {
    Set<Opcode> met = EnumSet.noneOf(Opcode.class);
    for (int trial = 0; trial < 120; trial++) {
      Program program = program(2 + trial % 17);
      program.code().forEach(i -> met.add(i.op()));
      int count = SHAPES[trial % SHAPES.length][0];
      int n = SHAPES[trial % SHAPES.length][1];
      List<Access> accesses = new ArrayList<>();
      List<Rows> rows = new ArrayList<>();
      boolean inPlace = random.nextInt(3) == 0;
      for (int k = 0; k < INPUTS + program.outputs().size(); k++) {
        boolean written = k >= INPUTS || inPlace && k == INPUTS - 1;
        boolean zero = !written && random.nextInt(3) == 0;
        accesses.add(zero ? new Access(DType.F32, Access.Step.ZERO) : Access.BLOCK);
        rows.add(rows(zero ? 1 : n, written));
      }
      PointwiseInterpreter interpreter = PointwiseInterpreter.of(program, accesses);
      Places p = places(accesses, rows, count, n, inPlace);
      int[] expected = run(p, (at, row) -> PointwiseGenerator.generate(program, accesses, false).run(at, row, row,
          count, 0, n, ARGUMENTS));
      assertThat(interpreter).as("%s", program.code()).isNotNull();
      int[] interpreted = run(p, (at, row) -> {
        assertThat(interpreter.takes(row, count, n)).isTrue();
        interpreter.run(at, row, count, n, ARGUMENTS);
      });
      assertThat(interpreted).as("seed %d, trial %d, %d x %d, %s %s%s: %s", SEED, trial, count, n, accesses, rows,
          inPlace ? " in place" : "", program.code()).isEqualTo(expected);
    }
    Set<Opcode> others = EnumSet.of(Opcode.RANDOM, Opcode.POW, Opcode.SIN, Opcode.COS, Opcode.TO_INT);
    assertThat(met).as("opcodes met, seed %d", SEED).containsAll(EnumSet.complementOf(EnumSet.copyOf(others)));
  }

  /** One operation each, so that none hides another's result. */
  @Test
  void everyInstructionHasTheBitsOfTheScalarLoop() {
    List<Expr> all = new ArrayList<>();
    FUNCTIONS.forEach(f -> all.add(f.apply(Expr.input(0))));
    OPERATIONS.forEach(o -> all.add(o.apply(Expr.input(0), Expr.input(1))));
    all.add(Expr.input(0).less(Expr.input(1)).toFloat());
    all.add(Expr.input(0).equal(Expr.input(1)).where(Expr.input(2), Expr.input(0)));
    List<Access> accesses = List.of(Access.BLOCK, Access.BLOCK, Access.BLOCK, Access.BLOCK);
    for (Expr e : all) {
      Program program = Program.of(INPUTS, e);
      Places p = places(accesses, List.of(Rows.DENSE, Rows.DENSE, Rows.DENSE, Rows.DENSE), 1, 5000, false);
      assertThat(run(p, (at, row) -> PointwiseInterpreter.of(program, accesses).run(at, row, 1, 5000, ARGUMENTS)))
          .as("%s, seed %d", program.code(), SEED).isEqualTo(run(p, (at, row) -> PointwiseGenerator
              .generate(program, accesses, false).run(at, row, row, 1, 0, 5000, ARGUMENTS)));
    }
  }

  /** A register is given back after its last reader, so a long program needs no more than a short one. */
  @Test
  void aLongProgramNeedsFewRegistersAndOneThatNeedsManyIsRefused() {
    Expr sum = Expr.input(0);
    List<Expr> kept = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      sum = sum.add(Expr.input(1)).exp();
      kept.add(Expr.input(0).add(Expr.input(i % 2)).mul(sum));
    }
    List<Access> accesses = List.of(Access.BLOCK, Access.BLOCK, Access.BLOCK);
    assertThat(PointwiseInterpreter.of(Program.of(2, sum), accesses)).isNotNull();
    Expr all = kept.getLast();
    for (Expr e : kept) {
      all = all.add(e);
    }
    assertThat(PointwiseInterpreter.of(Program.of(2, all), accesses)).isNull();
  }

  @Test
  void onlyFloatsThatAreDenseOrRepeatedAreTaken() {
    Program first = Program.of(2, Expr.input(0).neg());
    Access ints = new Access(DType.I32, Access.Step.UNIT);
    Access strided = new Access(DType.F32, Access.Step.OTHER);
    Access repeated = new Access(DType.F32, Access.Step.ZERO);
    assertThat(PointwiseInterpreter.of(first, List.of(repeated, ints, Access.BLOCK))).as("an operand not read")
        .isNotNull();
    assertThat(PointwiseInterpreter.of(first, List.of(strided, ints, Access.BLOCK))).isNull();
    assertThat(PointwiseInterpreter.of(first, List.of(Access.BLOCK, ints, repeated))).isNull();
    assertThat(PointwiseInterpreter.of(Program.of(1, Expr.input(0, Kind.INT).toFloat()), List.of(ints, Access.BLOCK)))
        .isNull();
    assertThat(PointwiseInterpreter.of(Program.of(1, Expr.input(0).sin()), List.of(Access.BLOCK, Access.BLOCK)))
        .isNull();
  }

  @Test
  void rowsAreTakenUnlessTheyAreShortAndApartOrWrittenOverEachOther() {
    PointwiseInterpreter negation =
        PointwiseInterpreter.of(Program.of(1, Expr.input(0).neg()), List.of(Access.BLOCK, Access.BLOCK));
    assertThat(negation.takes(new long[] {40, 40}, 9, 10)).isTrue();
    assertThat(negation.takes(new long[] {0, 40}, 9, 10)).isTrue();
    assertThat(negation.takes(new long[] {48, 40}, 9, 10)).isFalse();
    assertThat(negation.takes(new long[] {40, 48}, 9, 10)).isFalse();
    assertThat(negation.takes(new long[] {48, 48}, 1, 10)).isTrue();
    assertThat(negation.takes(new long[] {4000, 4004}, 9, 1000)).isTrue();
    assertThat(negation.takes(new long[] {4000, 0}, 9, 1000)).isFalse();
  }
}
