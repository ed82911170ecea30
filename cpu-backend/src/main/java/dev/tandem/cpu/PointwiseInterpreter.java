package dev.tandem.cpu;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program of floats while the loop that does it is not compiled: an instruction at a time on blocks of elements
 * in arrays, with the bits of the other loops. Nothing is made or compiled for a program: all of them share the few
 * {@link BlockLoops}, which HotSpot has compiled after some thousand elements, and memory is met a block at a time. An
 * element of a sum takes 1.3 µs in a loop over memory that HotSpot interprets, and 54 ns in code of C1 with profiles,
 * where each access is some 15 nested methods; here it takes 15 and 2 ns.
 */
final class PointwiseInterpreter {
  /** Elements of a register. What is done for each block takes HotSpot's interpreter some 5 µs. */
  static final int BLOCK = 4096;
  /** Columns of a row that are worth a copy of their own. */
  private static final int LEAST_COPY = 32;
  /** Bounds what a thread keeps, to half a megabyte. */
  private static final int MOST_REGISTERS = 32;
  /** That C1 is started at: 200, looked at every 128. */
  private static final int FIRST_CALLS = 256;
  /** Each thread's, as many as it has needed so far: 16 KiB each. */
  private static final ThreadLocal<float[][]> REGISTERS = new ThreadLocal<>();

  private final Program program;
  private final List<Access> operands;
  /** The register of each instruction. A BOOL register holds 1 and 0. */
  private final int[] registers;
  private final int count;

  private PointwiseInterpreter(Program program, List<Access> operands, int[] registers, int count) {
    this.program = program;
    this.operands = operands;
    this.registers = registers;
    this.count = count;
  }

  /** Null unless all operands are floats, dense or, if only read, repeated, and all functions have a vector form. */
  static @Nullable PointwiseInterpreter of(Program program, List<Access> operands) {
    for (Instruction i : program.code()) {
      boolean supported = switch (i.op()) {
        case INPUT -> isSupported(operands.get(i.index()), true);
        case RANDOM, POW, SIN, COS, TO_INT -> false;
        default -> i.kind() != Kind.INT;
      };
      if (!supported) {
        return null;
      }
    }
    for (int k = program.inputs().size(); k < operands.size(); k++) {
      if (!isSupported(operands.get(k), false)) {
        return null;
      }
    }
    int[] registers = new int[program.code().size()];
    int count = assign(program, registers);
    return count > MOST_REGISTERS ? null : new PointwiseInterpreter(program, operands, registers, count);
  }

  /** Has C1 compile what runs most programs, in a few milliseconds: later that would wait behind large kernels. */
  static void warmUp() {
    Expr a = Expr.input(0);
    Expr b = Expr.input(1);
    Program program = Program.of(2, a.less(b).where(a.add(b), a.sub(b).mul(b).max(a)));
    PointwiseInterpreter interpreter = of(program, List.of(Access.BLOCK, Access.BLOCK, Access.BLOCK));
    long[] at = {WarmUp.ZEROS, WarmUp.ZEROS, WarmUp.OUTPUT};
    double[] arguments = {};
    for (int i = 0; interpreter != null && WarmUp.SCALAR_FIRST && i < FIRST_CALLS; i++) {
      interpreter.run(at, at, 1, 1, arguments);
    }
  }

  private static boolean isSupported(Access a, boolean read) {
    return a.dtype() == DType.F32 && (a.step() == Access.Step.UNIT || read && a.step() == Access.Step.ZERO);
  }

  /**
   * Gives every instruction a register, and takes back those that are not read any more. What is the same in all blocks
   * keeps its own, and so do inputs, which may be.
   *
   * @return how many registers there are
   */
  private static int assign(Program program, int[] registers) {
    List<Instruction> code = program.code();
    int[] lastRead = new int[code.size()];
    for (int n = 0; n < code.size(); n++) {
      for (int k = 0; k < code.get(n).op().arity(); k++) {
        lastRead[read(code.get(n), k)] = n;
      }
    }
    for (int o : program.outputs()) {
      lastRead[o] = code.size();
    }
    Deque<Integer> free = new ArrayDeque<>();
    int count = 0;
    for (int n = 0; n < code.size(); n++) {
      Instruction i = code.get(n);
      for (int k = 0; k < i.op().arity(); k++) {
        int r = read(i, k);
        if (lastRead[r] == n && code.get(r).op().arity() > 0) {
          free.push(registers[r]);
          // Read twice, it is free once.
          lastRead[r] = -1;
        }
      }
      registers[n] = i.op().arity() == 0 || free.isEmpty() ? count++ : free.pop();
    }
    return count;
  }

  private static int read(Instruction i, int k) {
    return k == 0 ? i.a() : k == 1 ? i.b() : i.c();
  }

  /** Whether rows follow each other, are the same, or are long enough to be copied one by one. */
  boolean takes(long[] row, int rows, int n) {
    for (int k = 0; k < operands.size() && rows > 1; k++) {
      boolean written = k >= program.inputs().size();
      boolean copied = operands.get(k).step() == Access.Step.UNIT && row[k] != (long) Float.BYTES * n
          && (written || row[k] != 0);
      if (copied && (n < LEAST_COPY || written && row[k] == 0)) {
        return false;
      }
    }
    return true;
  }

  /** {@link PointwiseLoop#run} from the first column on, of rows that it {@linkplain #takes takes}. */
  void run(long[] at, long[] row, int rows, int n, double[] arguments) {
    float[][] values = values();
    int width = Math.clamp(n, 1, BLOCK);
    int together = Math.min(rows, BLOCK / width);
    constants(values, together * width, arguments);
    for (int r = 0; r < rows; r += together) {
      int height = Math.min(together, rows - r);
      for (int from = 0; from < n; from += width) {
        int columns = Math.min(width, n - from);
        load(values, at, row, n, r, height, from, columns);
        compute(values, height * columns);
        store(values, at, row, n, r, height, from, columns);
      }
    }
  }

  private float[][] values() {
    float[][] known = REGISTERS.get();
    if (known != null && known.length >= count) {
      return known;
    }
    float[][] values = new float[count][BLOCK];
    REGISTERS.set(values);
    return values;
  }

  private void constants(float[][] values, int n, double[] arguments) {
    for (int k = 0; k < registers.length; k++) {
      Instruction i = program.code().get(k);
      if (i.op() == Opcode.CONST || i.op() == Opcode.ARGUMENT) {
        double value = i.op() == Opcode.CONST ? i.value() : arguments[i.index()];
        float[] x = values[registers[k]];
        x[0] = i.kind() == Kind.BOOL ? value != 0 ? 1 : 0 : (float) value;
        repeat(x, 1, n);
      }
    }
  }

  /** Continues an array with what it begins with. */
  private static void repeat(float[] x, int known, int n) {
    for (int k = known; k < n; k *= 2) {
      System.arraycopy(x, 0, x, k, Math.min(k, n - k));
    }
  }

  private void load(float[][] values, long[] at, long[] row, int n, int r, int height, int from, int columns) {
    for (int k = 0; k < registers.length; k++) {
      Instruction i = program.code().get(k);
      if (i.op() != Opcode.INPUT) {
        continue;
      }
      float[] x = values[registers[k]];
      long step = row[i.index()];
      long first = at[i.index()] + r * step;
      boolean once = operands.get(i.index()).step() == Access.Step.ZERO;
      // Else it is as in the block before.
      boolean isNew = once ? from == 0 && (r == 0 || step != 0) : r == 0 || step != 0 || height == 1;
      if (!once && isTogether(step, height, n)) {
        Memory.getFloats(first + (long) Float.BYTES * from, x, 0, height * columns);
      } else if (isNew && (step == 0 || height == 1)) {
        Memory.getFloats(first, x, 0, once ? 1 : columns);
        repeat(x, once ? 1 : columns, height * columns);
      } else if (isNew) {
        rows(x, first, step, height, columns, once);
      }
    }
  }

  /** @param once whether a row is one number, repeated */
  private static void rows(float[] x, long first, long step, int height, int columns, boolean once) {
    for (int j = 0; j < height; j++) {
      if (once) {
        Arrays.fill(x, j * columns, (j + 1) * columns, Memory.getFloat(first + j * step));
      } else {
        Memory.getFloats(first + j * step, x, j * columns, columns);
      }
    }
  }

  /** Whether rows of a block follow each other. */
  private static boolean isTogether(long step, int height, int n) {
    return height == 1 || step == (long) Float.BYTES * n;
  }

  private void store(float[][] values, long[] at, long[] row, int n, int r, int height, int from, int columns) {
    for (int o = 0; o < program.outputs().size(); o++) {
      int k = program.inputs().size() + o;
      float[] y = values[registers[program.outputs().get(o)]];
      long first = at[k] + r * row[k] + (long) Float.BYTES * from;
      if (isTogether(row[k], height, n)) {
        Memory.setFloats(first, y, 0, height * columns);
      } else {
        for (int j = 0; j < height; j++) {
          Memory.setFloats(first + j * row[k], y, j * columns, columns);
        }
      }
    }
  }

  private void compute(float[][] values, int n) {
    for (int k = 0; k < registers.length; k++) {
      Instruction i = program.code().get(k);
      if (i.op().arity() > 0) {
        float[] a = values[registers[i.a()]];
        float[] b = i.op().arity() > 1 ? values[registers[i.b()]] : a;
        float[] c = i.op().arity() > 2 ? values[registers[i.c()]] : a;
        compute(i.op(), a, b, c, values[registers[k]], n);
      }
    }
  }

  private static void compute(Opcode op, float[] a, float[] b, float[] c, float[] y, int n) {
    switch (op) {
      case ADD -> BlockLoops.add(a, b, y, n);
      case SUB -> BlockLoops.sub(a, b, y, n);
      case MUL -> BlockLoops.mul(a, b, y, n);
      case DIV -> BlockLoops.div(a, b, y, n);
      case MAX -> BlockLoops.max(a, b, y, n);
      case MIN -> BlockLoops.min(a, b, y, n);
      case LESS -> BlockLoops.less(a, b, y, n);
      case EQUAL -> BlockLoops.equal(a, b, y, n);
      case WHERE -> BlockLoops.where(a, b, c, y, n);
      case NEG -> BlockLoops.neg(a, y, n);
      case ABS -> BlockLoops.abs(a, y, n);
      case FLOOR -> BlockLoops.floor(a, y, n);
      case SQRT -> BlockLoops.sqrt(a, y, n);
      case EXP -> BlockLoops.exp(a, y, n);
      case LOG -> BlockLoops.log(a, y, n);
      case EXPM1 -> BlockLoops.expm1(a, y, n);
      case LOG1P -> BlockLoops.log1p(a, y, n);
      case TANH -> BlockLoops.tanh(a, y, n);
      case SIGMOID -> BlockLoops.sigmoid(a, y, n);
      case ERF -> BlockLoops.erf(a, y, n);
      case TO_FLOAT -> System.arraycopy(a, 0, y, 0, n);
      case INPUT, CONST, ARGUMENT, RANDOM, POW, SIN, COS, TO_INT -> throw new IllegalStateException(op + " of blocks");
    }
  }
}
