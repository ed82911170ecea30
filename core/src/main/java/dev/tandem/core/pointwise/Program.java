package dev.tandem.core.pointwise;

import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A pointwise program: a flat list of typed instructions without repeated subexpressions. Flat, so that equality and hash cost one
 * pass however much the expression shares, and a program is a good cache key. Holds no shape, stride or run-time value.
 *
 * @param inputs the kind each input is read as
 * @param code instructions; each reads earlier ones
 * @param outputs the instruction that gives each output
 */
public record Program(List<Kind> inputs, List<Instruction> code, List<Integer> outputs) {
  /**
   * One instruction and the register it writes, which has the instruction's own number.
   *
   * @param a first register read, or -1; likewise {@code b} and {@code c}
   * @param value of a CONST
   * @param index input number, argument number, or salt of a RANDOM
   */
  public record Instruction(Opcode op, Kind kind, int a, int b, int c, double value, int index) {
    // Written out, here and in other keys that the first step looks up: what a record has of itself is linked when first
    // called, by classes that are made for it, for some 10 ms.
    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Instruction i && op == i.op && kind == i.kind && a == i.a && b == i.b && c == i.c
          && Double.compare(value, i.value) == 0 && index == i.index;
    }

    @Override
    public int hashCode() {
      int h = 31 * op.hashCode() + kind.hashCode();
      h = 31 * (31 * (31 * h + a) + b) + c;
      return 31 * (31 * h + Double.hashCode(value)) + index;
    }
  }

  /** One FLOAT input passed on. */
  public static final Program IDENTITY = of(1, Expr.input(0));

  public Program {
    inputs = List.copyOf(inputs);
    code = List.copyOf(code);
    outputs = List.copyOf(outputs);
  }

  /** The program that computes {@code outputs} from {@code inputs} operands. An operand that no expression reads is FLOAT. */
  public static Program of(int inputs, Expr... outputs) {
    return new Builder(inputs).build(List.of(outputs));
  }

  /** The program that computes {@code outputs} from operands of these kinds, read or not. */
  public static Program of(List<Kind> inputs, List<Expr> outputs) {
    Builder b = new Builder(inputs.size());
    for (int i = 0; i < inputs.size(); i++) {
      b.kinds[i] = inputs.get(i);
    }
    return b.build(outputs);
  }

  /** One input of {@code kind} passed on. */
  public static Program identity(Kind kind) {
    return kind == Kind.FLOAT ? IDENTITY : of(1, Expr.input(0, kind));
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Program p && code.equals(p.code) && inputs.equals(p.inputs) && outputs.equals(p.outputs);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * code.hashCode() + inputs.hashCode()) + outputs.hashCode();
  }

  public Kind outputKind(int k) {
    return code.get(outputs.get(k)).kind();
  }

  /** Whether output 0 is the first input unchanged and there is nothing else. */
  public boolean isIdentity() {
    return inputs.size() == 1 && isCopy();
  }

  /** Whether the only output is an input unchanged. */
  public boolean isCopy() {
    return code.size() == 1 && outputs.size() == 1 && code.get(0).op() == Opcode.INPUT;
  }

  /** Whether an instruction draws random numbers. */
  public boolean isRandom() {
    for (Instruction i : code) {
      if (i.op == Opcode.RANDOM) {
        return true;
      }
    }
    return false;
  }

  /** One expression per instruction, shared as in the code. */
  List<Expr> expressions() {
    List<Expr> list = new ArrayList<>();
    for (Instruction i : code) {
      List<Expr> args = new ArrayList<>();
      int[] registers = {i.a, i.b, i.c};
      for (int k = 0; k < i.op.arity(); k++) {
        args.add(list.get(registers[k]));
      }
      list.add(Expr.of(i.op, i.kind, i.value, i.index, args));
    }
    return list;
  }

  /** Numbers expressions by value, so that equal ones share a register. */
  private static final class Builder {
    final List<Instruction> code = new ArrayList<>();
    final Map<Instruction, Integer> numbers = new HashMap<>();
    final Map<Expr, Integer> places = new IdentityHashMap<>();
    final Kind[] kinds;

    Builder(int inputs) {
      kinds = new Kind[inputs];
    }

    Program build(List<Expr> outputs) {
      List<Integer> out = new ArrayList<>();
      for (Expr e : outputs) {
        out.add(place(e));
      }
      List<Kind> inputs = new ArrayList<>();
      for (Kind k : kinds) {
        inputs.add(k == null ? Kind.FLOAT : k);
      }
      return new Program(inputs, code, out);
    }

    private int place(Expr e) {
      Integer known = places.get(e);
      if (known != null) {
        return known;
      }
      int[] a = {-1, -1, -1};
      for (int i = 0; i < e.args.size(); i++) {
        a[i] = place(e.args.get(i));
      }
      if (e.op == Opcode.INPUT) {
        if (e.index < 0 || e.index >= kinds.length) {
          throw new IllegalArgumentException("the program has " + kinds.length + " inputs and reads number " + e.index);
        }
        if (kinds[e.index] != null && kinds[e.index] != e.kind) {
          throw new IllegalArgumentException(
              "input " + e.index + " is read as " + kinds[e.index] + " and as " + e.kind);
        }
        kinds[e.index] = e.kind;
      }
      Instruction instruction = new Instruction(e.op, e.kind, a[0], a[1], a[2], e.value, e.index);
      Integer number = numbers.get(instruction);
      if (number == null) {
        number = code.size();
        code.add(instruction);
        numbers.put(instruction, number);
      }
      places.put(e, number);
      return number;
    }
  }
}
