package dev.tandem.cuda;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The CUDA C++ of a pointwise program at one element: one line for each instruction, one variable for each register. */
final class ProgramSource {
  private ProgramSource() {
  }

  /** What an element of memory is called. */
  static String element(DType type) {
    return switch (type) {
      case F32 -> "float";
      case BF16 -> "bf16";
      case I32 -> "int";
      case U8 -> "unsigned char";
      case BOOL -> "bool";
      case F64 -> throw new IllegalArgumentException("cuda has no F64");
    };
  }

  /** What a register is called. */
  static String register(Kind kind) {
    return switch (kind) {
      case FLOAT -> "float";
      case INT -> "int";
      case BOOL -> "bool";
    };
  }

  /** Parameters for the launch arguments and the random key, each after a comma; {@link #arguments} gives their values. */
  static String parameters(Program program) {
    StringBuilder text = new StringBuilder();
    for (int n = 0; n < program.code().size(); n++) {
      Instruction i = program.code().get(n);
      switch (i.op()) {
        case ARGUMENT -> text.append(", ").append(register(i.kind())).append(" argument").append(n);
        case RANDOM -> text.append(", long long key").append(n);
        default -> {
        }
      }
    }
    return text.toString();
  }

  static List<Long> arguments(Program program, Launch launch) {
    List<Long> values = new ArrayList<>();
    for (Instruction i : program.code()) {
      switch (i.op()) {
        case ARGUMENT -> values.add(switch (i.kind()) {
          case FLOAT -> Float.floatToRawIntBits(launch.floatArgument(i.index())) & 0xFFFFFFFFL;
          case INT -> launch.intArgument(i.index()) & 0xFFFFFFFFL;
          case BOOL -> launch.arguments().get(i.index()) != 0 ? 1L : 0L;
        });
        case RANDOM -> values.add(launch.key());
        default -> {
        }
      }
    }
    return values;
  }

  /**
   * Lines that leave register n in {@code rn}.
   *
   * @param inputs an expression for each input, as a register
   * @param position an expression for the row-major position of the element, read by random numbers only
   */
  static String body(Program program, List<String> inputs, String position, String indent) {
    StringBuilder text = new StringBuilder();
    for (int n = 0; n < program.code().size(); n++) {
      Instruction i = program.code().get(n);
      text.append(indent).append("const ").append(register(i.kind())).append(" r").append(n).append(" = ")
          .append(expression(i, n, inputs, position)).append(";\n");
    }
    return text.toString();
  }

  private static String expression(Instruction i, int n, List<String> inputs, String position) {
    String a = "r" + i.a();
    String b = "r" + i.b();
    return switch (i.op()) {
      case INPUT -> inputs.get(i.index());
      case CONST -> constant(i);
      case ARGUMENT -> "argument" + n;
      case RANDOM -> "op_random(key" + n + ", " + a + ", " + i.index() + ", " + position + ")";
      case ADD, SUB, MUL, MAX, MIN, POW -> "op_" + lower(i) + "(" + a + ", " + b + ")";
      case DIV -> a + " / " + b;
      case LESS -> a + " < " + b;
      case EQUAL -> a + " == " + b;
      case WHERE -> a + " ? " + b + " : r" + i.c();
      case NEG, ABS, SIGMOID, TO_FLOAT, TO_INT -> "op_" + lower(i) + "(" + a + ")";
      case FLOOR, SQRT, EXP, LOG, EXPM1, LOG1P, TANH, ERF, SIN, COS -> lower(i) + "f(" + a + ")";
    };
  }

  private static String lower(Instruction i) {
    return i.op().name().toLowerCase(Locale.ROOT);
  }

  /** Numbers as their bits: no decimal is rounded twice, and NVRTC knows no name for infinity. */
  private static String constant(Instruction i) {
    return switch (i.kind()) {
      case FLOAT -> "__int_as_float((int)" + hex(Float.floatToRawIntBits((float) i.value())) + ")";
      case INT -> "(int)" + hex((int) i.value());
      case BOOL -> i.value() != 0 ? "true" : "false";
    };
  }

  private static String hex(int bits) {
    return "0x" + Integer.toHexString(bits) + "u";
  }
}
