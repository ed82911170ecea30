package dev.tandem.core.op;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;

/**
 * A program over every element. Inputs broadcast against each other; every output has the common shape. An output may be the same
 * operand as an input, with one layout: an element is read before it is written.
 *
 * @param name for errors: {@code add}, {@code relu}
 * @param types dtype of each output, of the kind that the program gives
 */
public record Pointwise(String name, Program program, List<DType> types, Launch launch) implements Op {
  /** Inputs and outputs together. */
  public static final int MAX_OPERANDS = 16;

  public Pointwise {
    types = List.copyOf(types);
    if (types.size() != program.outputs().size()) {
      throw new IllegalArgumentException(
          types.size() + " dtypes for " + program.outputs().size() + " outputs of " + name);
    }
    for (int k = 0; k < types.size(); k++) {
      if (types.get(k).kind() != program.outputKind(k)) {
        throw new IllegalArgumentException(
            "output " + k + " of " + name + " is " + program.outputKind(k) + ", not " + types.get(k));
      }
    }
  }

  /** With outputs of the usual dtypes: F32, I32, BOOL. */
  public static Pointwise of(String name, Program program) {
    return of(name, program, Launch.NONE, DType.F32);
  }

  /** With I32 and BOOL outputs where the program gives such, and {@code floats} elsewhere. */
  public static Pointwise of(String name, Program program, Launch launch, DType floats) {
    List<DType> types = new ArrayList<>();
    for (int k = 0; k < program.outputs().size(); k++) {
      types.add(dtype(program.outputKind(k), floats));
    }
    return new Pointwise(name, program, types, launch);
  }

  static DType dtype(Kind kind, DType floats) {
    return switch (kind) {
      case FLOAT -> floats;
      case INT -> DType.I32;
      case BOOL -> DType.BOOL;
    };
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    checkInputs(program, in);
    ShapeException.require(in.size() + types.size() <= MAX_OPERANDS, "more than " + MAX_OPERANDS + " operands");
    Shape full = Spec.broadcast(in);
    List<Spec> outputs = new ArrayList<>(types.size());
    for (DType t : types) {
      outputs.add(new Spec(full, t));
    }
    return List.copyOf(outputs);
  }

  static void checkInputs(Program program, List<Spec> in) {
    if (in.size() != program.inputs().size()) {
      throw new ShapeException("the program wants " + program.inputs().size() + " inputs, got " + in.size());
    }
    for (int i = 0; i < in.size(); i++) {
      Kind wanted = program.inputs().get(i);
      DType got = in.get(i).dtype();
      if (got.kind() != wanted) {
        throw new ShapeException("operand " + i + " is " + got + " where " + switch (wanted) {
          case FLOAT -> "a floating-point tensor is wanted; convert with to(DType.F32)";
          case INT -> "integers are wanted; convert with to(DType.I32)";
          case BOOL -> "a BOOL tensor is wanted; compare, or convert with to(DType.BOOL)";
        });
      }
    }
  }

  @Override
  public String toString() {
    return name + (launch.equals(Launch.NONE) ? "" : launch.arguments());
  }
}
