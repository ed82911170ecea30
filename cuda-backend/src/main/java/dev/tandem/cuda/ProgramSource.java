package dev.tandem.cuda;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.Arrays;
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
      line(text, i, n, expression(i, n, inputs, position), indent);
    }
    return text.toString();
  }

  /**
   * Lines for what several neighbours have in common, ahead of a loop over them: registers that no moving input and no random number
   * enters, and the words that random numbers are taken from, four elements at a time. {@link #ofNeighbour} gives the rest.
   *
   * @param moves by input, whether it differs between neighbours
   * @param position of the first neighbour, a multiple of 4
   * @param width how many neighbours there are, a multiple of 4
   */
  static String ofAllNeighbours(Program program, List<String> inputs, List<Boolean> moves, String position, int width,
      String indent) {
    StringBuilder text = new StringBuilder();
    boolean[] common = common(program, moves);
    for (int n = 0; n < program.code().size(); n++) {
      Instruction i = program.code().get(n);
      if (common[n]) {
        line(text, i, n, expression(i, n, inputs, position), indent);
      } else if (isDrawnTogether(i, common)) {
        text.append(indent).append("Words words").append(n).append("[").append(width / 4).append("];\n");
        for (int k = 0; k < width / 4; k++) {
          text.append(indent).append("words").append(n).append("[").append(k).append("] = philox(key").append(n)
              .append(", r").append(i.a()).append(", ").append(i.index()).append(", (unsigned long long)(")
              .append(position).append(") / 4 + ").append(k).append(");\n");
        }
      }
    }
    return text.toString();
  }

  /** As {@link #body}, behind {@link #ofAllNeighbours}, for neighbour {@code j}. */
  static String ofNeighbour(Program program, List<String> inputs, List<Boolean> moves, String position, String indent) {
    StringBuilder text = new StringBuilder();
    boolean[] common = common(program, moves);
    for (int n = 0; n < program.code().size(); n++) {
      Instruction i = program.code().get(n);
      if (isDrawnTogether(i, common)) {
        line(text, i, n, "uniform(words" + n + "[j / 4].at[j % 4])", indent);
      } else if (!common[n]) {
        line(text, i, n, expression(i, n, inputs, position), indent);
      }
    }
    return text.toString();
  }

  private static boolean isDrawnTogether(Instruction i, boolean[] common) {
    return i.op() == Opcode.RANDOM && common[i.a()];
  }

  /** By register, whether neighbours have the same number in it. */
  private static boolean[] common(Program program, List<Boolean> moves) {
    boolean[] common = new boolean[program.code().size()];
    for (int n = 0; n < common.length; n++) {
      Instruction i = program.code().get(n);
      int[] operands = {i.a(), i.b(), i.c()};
      common[n] = switch (i.op()) {
        case INPUT -> !moves.get(i.index());
        case RANDOM -> false;
        default -> Arrays.stream(operands, 0, i.op().arity()).allMatch(r -> common[r]);
      };
    }
    return common;
  }

  private static void line(StringBuilder text, Instruction i, int n, String expression, String indent) {
    text.append(indent).append("const ").append(register(i.kind())).append(" r").append(n).append(" = ")
        .append(expression).append(";\n");
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
