package dev.tandem.core.testing;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Philox;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import java.util.List;

/**
 * Programs, one element at a time. A register is a double: a FLOAT as it is, an INT exactly (every int is a double),
 * a BOOL as 0 or 1.
 */
final class ReferencePointwise {
  private ReferencePointwise() {
  }

  static void run(Pointwise op, List<Elements> in, List<Elements> out) {
    Shape full = Shape.broadcast(in.stream().map(Elements::shape).toList());
    List<Elements> sources = in.stream().map(e -> e.expand(full)).toList();
    for (long position = 0; position < full.size(); position++) {
      double[] registers = evaluate(op.program(), sources, position, op.launch());
      for (int k = 0; k < out.size(); k++) {
        out.get(k).set(position, registers[op.program().outputs().get(k)]);
      }
    }
  }

  static void reduce(Reduce op, List<Elements> in, Elements out) {
    Shape full = Shape.broadcast(in.stream().map(Elements::shape).toList());
    List<Elements> sources = in.stream().map(e -> e.expand(full)).toList();
    Kind kind = op.prologue().outputKind(0);
    int result = op.prologue().outputs().get(0);
    int size = Math.toIntExact(out.size());
    double[] best = new double[size];
    long[] seen = new long[size];
    double[] at = new double[size];
    for (long position = 0; position < full.size(); position++) {
      double v = evaluate(op.prologue(), sources, position, op.launch())[result];
      int target = Math.toIntExact(target(position, full, out.shape()));
      boolean first = seen[target] == 0;
      switch (op.kind()) {
        case SUM -> best[target] = apply(Opcode.ADD, kind, best[target], v, 0);
        case MAX -> best[target] = first ? v : Math.max(best[target], v);
        case MIN -> best[target] = first ? v : Math.min(best[target], v);
        case ARGMAX, ARGMIN -> {
          double sign = op.kind() == Reduce.Kind.ARGMAX ? 1 : -1;
          if (first || !Double.isNaN(best[target]) && (Double.isNaN(v) || sign * v > sign * best[target])) {
            best[target] = v;
            at[target] = seen[target];
          }
        }
      }
      seen[target]++;
    }
    for (int i = 0; i < size; i++) {
      out.set(i, op.kind().isPosition() ? at[i] : best[i]);
    }
  }

  /** Row-major position in {@code reduced} of what element {@code position} of {@code full} is reduced into. */
  static long target(long position, Shape full, Shape reduced) {
    long result = 0;
    long factor = 1;
    long rest = position;
    for (int i = full.rank() - 1; i >= 0; i--) {
      result += rest % full.dim(i) % reduced.dim(i) * factor;
      factor *= reduced.dim(i);
      rest /= full.dim(i);
    }
    return result;
  }

  /** The registers of {@code program} at one element. */
  static double[] evaluate(Program program, List<Elements> in, long position, Launch launch) {
    double[] registers = new double[program.code().size()];
    for (int n = 0; n < registers.length; n++) {
      Program.Instruction i = program.code().get(n);
      registers[n] = switch (i.op()) {
        case INPUT -> in.get(i.index()).get(position);
        case CONST -> i.kind() == Kind.INT ? (int) i.value() : i.value();
        case ARGUMENT -> i.kind() == Kind.FLOAT ? launch.floatArgument(i.index()) : launch.intArgument(i.index());
        case RANDOM -> Philox.uniform(launch.key(), (int) registers[i.a()], i.index(), position);
        default -> apply(i.op(), i.kind(), registers[i.a()], i.b() < 0 ? 0 : registers[i.b()],
            i.c() < 0 ? 0 : registers[i.c()]);
      };
    }
    return registers;
  }

  /** One instruction that computes, giving a register of {@code kind}. */
  static double apply(Opcode op, Kind kind, double a, double b, double c) {
    boolean integers = kind == Kind.INT;
    return switch (op) {
      case INPUT, CONST, ARGUMENT, RANDOM -> throw new IllegalArgumentException(op + " reads no register");
      case ADD -> integers ? ((int) a) + (int) b : a + b;
      case SUB -> integers ? ((int) a) - (int) b : a - b;
      case MUL -> integers ? ((int) a) * (int) b : a * b;
      case DIV -> a / b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case POW -> Math.pow(a, b);
      case LESS -> a < b ? 1 : 0;
      case EQUAL -> a == b ? 1 : 0;
      case WHERE -> a != 0 ? b : c;
      case NEG -> integers ? -(int) a : -a;
      case ABS -> integers ? Math.abs((int) a) : Math.abs(a);
      case FLOOR -> Math.floor(a);
      case SQRT -> Math.sqrt(a);
      case EXP -> Math.exp(a);
      case LOG -> Math.log(a);
      case EXPM1 -> Math.expm1(a);
      case LOG1P -> Math.log1p(a);
      case TANH -> Math.tanh(a);
      case SIGMOID -> 1 / (1 + Math.exp(-a));
      case ERF -> erf(a);
      case SIN -> Math.sin(a);
      case COS -> Math.cos(a);
      case TO_FLOAT -> a;
      case TO_INT -> (int) a;
    };
  }

  /**
   * The error function to about 1e-15. Below 3 the series of positive terms, Abramowitz and Stegun, Handbook of
   * Mathematical Functions, 7.1.6; above it one less the continued fraction of the complement, 7.1.14.
   */
  static double erf(double x) {
    double z = Math.abs(x);
    if (Double.isNaN(x)) {
      return x;
    }
    if (z < 3) {
      double term = x;
      double sum = x;
      for (int n = 1; n < 100; n++) {
        term *= 2 * x * x / (2 * n + 1);
        sum += term;
      }
      return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }
    if (z > 6) {
      return Math.signum(x);
    }
    double fraction = z;
    for (int k = 60; k > 0; k--) {
      fraction = z + k / 2.0 / fraction;
    }
    return Math.signum(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction));
  }
}
