package dev.tandem.core.testing;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Program;
import java.util.List;
import java.util.stream.Collectors;

/** A call in words for failures: operation, program, dtypes and layouts. */
final class CallText {
  private CallText() {
  }

  static String of(Op op, List<Operand> in, List<Operand> out) {
    String code = switch (op) {
      case Pointwise p -> " {" + listing(p.program()) + "}";
      case Reduce r -> " {" + listing(r.prologue()) + "}";
      default -> "";
    };
    return op.getClass().getSimpleName() + " " + op + code + " of " + describe(in) + " into " + describe(out);
  }

  /** One line: {@code r0 = INPUT 0; r1 = EXP r0; -> [1]}. */
  private static String listing(Program p) {
    StringBuilder text = new StringBuilder();
    for (int n = 0; n < p.code().size(); n++) {
      Program.Instruction i = p.code().get(n);
      text.append('r').append(n).append(" = ").append(i.op());
      switch (i.op()) {
        case INPUT, ARGUMENT, RANDOM -> text.append(' ').append(i.index());
        case CONST -> text.append(' ').append(i.value()).append(' ').append(i.kind());
        default -> {
        }
      }
      int[] registers = {i.a(), i.b(), i.c()};
      for (int k = 0; k < i.op().arity(); k++) {
        text.append(" r").append(registers[k]);
      }
      text.append("; ");
    }
    return text.append("-> ").append(p.outputs()).toString();
  }

  private static String describe(List<Operand> operands) {
    return operands.stream().map(o -> o.dtype() + "" + o.layout()).collect(Collectors.joining(", "));
  }
}
