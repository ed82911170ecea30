package dev.tandem.core.testing;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import java.util.List;

/**
 * The registers of a program at one element, with how far those of a correct fp32 backend may lie from them: running
 * error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3). An instruction
 * passes the errors of its operands on, and adds its own: one unit in the last place for arithmetic (IEEE 754 allows
 * half of one; a quotient may be a product with the reciprocal), four for functions. Functions may also flush results
 * below the smallest normal number. An infinite error means that rounding decides the outcome (a comparison of nearly
 * equal numbers, an overflow that goes on) and nothing can be said.
 */
final class ErrorBound {
  private static final double ULP = 0x1p-23;

  private final double[] value;
  private final double[] error;

  private ErrorBound(double[] value, double[] error) {
    this.value = value;
    this.error = error;
  }

  /** Register {@code n} as the oracle has it. */
  double value(int n) {
    return value[n];
  }

  /** Absolute; 0 where the backend must agree exactly. */
  double error(int n) {
    return error[n];
  }

  static ErrorBound of(Program program, List<Elements> in, long position, Launch launch) {
    double[] value = ReferencePointwise.evaluate(program, in, position, launch);
    double[] error = new double[value.length];
    for (int n = 0; n < value.length; n++) {
      Program.Instruction i = program.code().get(n);
      error[n] = switch (i.op()) {
        case INPUT, CONST, ARGUMENT, RANDOM -> 0;
        case WHERE -> error[i.a()] > 0 ? Double.POSITIVE_INFINITY : error[value[i.a()] != 0 ? i.b() : i.c()];
        default -> error(i, program, value, error, value[n]);
      };
    }
    return new ErrorBound(value, error);
  }

  private static double error(Program.Instruction i, Program program, double[] value, double[] error, double result) {
    int[] registers = {i.a(), i.b() < 0 ? i.a() : i.b()};
    double[] v = new double[2];
    double[] e = new double[2];
    for (int k = 0; k < 2; k++) {
      v[k] = value[registers[k]];
      e[k] = error[registers[k]];
      boolean overflowed = program.code().get(registers[k]).kind() == Kind.FLOAT && Double.isFinite(v[k])
          && Math.abs(v[k]) + e[k] > Float.MAX_VALUE;
      if (overflowed || Double.isInfinite(e[k])) {
        return Double.POSITIVE_INFINITY;
      }
    }
    if (i.b() < 0) {
      e[1] = 0;
    }
    double passed = e[0] == 0 && e[1] == 0 ? 0 : passedOn(i, v, e, result);
    return passed + (i.kind() == Kind.FLOAT ? own(i.op(), result, passed) : 0);
  }

  /** The largest change of the result within the errors of the operands. */
  private static double passedOn(Program.Instruction i, double[] v, double[] e, double result) {
    boolean undecided = switch (i.op()) {
      case DIV -> Math.abs(v[1]) <= e[1];
      case POW -> v[0] <= e[0];
      case EQUAL -> Math.abs(v[0] - v[1]) <= e[0] + e[1];
      default -> false;
    };
    if (undecided) {
      return Double.POSITIVE_INFINITY;
    }
    if (i.op() == Opcode.SIN || i.op() == Opcode.COS) {
      return e[0];
    }
    // Everything else is monotonic in each operand, at least on either side of a point where it is continuous.
    double worst = 0;
    for (int corner = 0; corner < 4; corner++) {
      double a = v[0] + ((corner & 1) == 0 ? e[0] : -e[0]);
      double b = v[1] + ((corner & 2) == 0 ? e[1] : -e[1]);
      double there = ReferencePointwise.apply(i.op(), i.kind(), a, b, 0);
      if (Double.compare(there, result) != 0) {
        double change = Math.abs(there - result);
        worst = i.kind() != Kind.FLOAT || Double.isNaN(change) ? Double.POSITIVE_INFINITY : Math.max(worst, change);
      }
    }
    return worst;
  }

  private static double own(Opcode op, double result, double passed) {
    if (!Double.isFinite(result)) {
      return 0;
    }
    return switch (op) {
      case MAX, MIN, NEG, ABS, FLOOR -> 0;
      case ADD, SUB, MUL, DIV, SQRT, TO_FLOAT ->
          passed == 0 && (float) result == result ? 0 : ULP * Math.abs(result) + Float.MIN_VALUE;
      default -> 4 * ULP * Math.abs(result) + Float.MIN_NORMAL;
    };
  }
}
