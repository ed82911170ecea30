package dev.tandem.core.testing;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.List;

/** An opcode with operands of kinds that it takes. */
record Signature(Opcode op, List<Kind> operands) {
  /** Every opcode that computes, with every combination of kinds. */
  static List<Signature> all() {
    List<Signature> all = new ArrayList<>();
    for (Opcode op : Opcode.values()) {
      for (List<Kind> kinds : kinds(op)) {
        all.add(new Signature(op, kinds));
      }
    }
    return all;
  }

  private static List<List<Kind>> kinds(Opcode op) {
    return switch (op) {
      case INPUT, CONST, ARGUMENT, RANDOM -> List.of();
      case ADD, SUB, MUL, MAX, MIN, LESS -> List.of(List.of(Kind.FLOAT, Kind.FLOAT), List.of(Kind.INT, Kind.INT));
      case EQUAL ->
          List.of(List.of(Kind.FLOAT, Kind.FLOAT), List.of(Kind.INT, Kind.INT), List.of(Kind.BOOL, Kind.BOOL));
      case DIV, POW -> List.of(List.of(Kind.FLOAT, Kind.FLOAT));
      case WHERE -> List.of(List.of(Kind.BOOL, Kind.FLOAT, Kind.FLOAT), List.of(Kind.BOOL, Kind.INT, Kind.INT),
          List.of(Kind.BOOL, Kind.BOOL, Kind.BOOL));
      case NEG, ABS -> List.of(List.of(Kind.FLOAT), List.of(Kind.INT));
      case FLOOR, SQRT, EXP, LOG, EXPM1, LOG1P, TANH, SIGMOID, ERF, SIN, COS -> List.of(List.of(Kind.FLOAT));
      case TO_FLOAT -> List.of(List.of(Kind.INT), List.of(Kind.BOOL));
      case TO_INT -> List.of(List.of(Kind.FLOAT), List.of(Kind.BOOL));
    };
  }

  /** The instruction applied to {@code a}, as many and of such kinds as {@link #operands} says. */
  Expr apply(List<Expr> a) {
    Expr x = a.get(0);
    return switch (op) {
      case INPUT, CONST, ARGUMENT, RANDOM -> throw new IllegalArgumentException(op + " reads no register");
      case ADD -> x.add(a.get(1));
      case SUB -> x.sub(a.get(1));
      case MUL -> x.mul(a.get(1));
      case DIV -> x.div(a.get(1));
      case MAX -> x.max(a.get(1));
      case MIN -> x.min(a.get(1));
      case POW -> x.pow(a.get(1));
      case LESS -> x.less(a.get(1));
      case EQUAL -> x.equal(a.get(1));
      case WHERE -> x.where(a.get(1), a.get(2));
      case NEG -> x.neg();
      case ABS -> x.abs();
      case FLOOR -> x.floor();
      case SQRT -> x.sqrt();
      case EXP -> x.exp();
      case LOG -> x.log();
      case EXPM1 -> x.expm1();
      case LOG1P -> x.log1p();
      case TANH -> x.tanh();
      case SIGMOID -> x.sigmoid();
      case ERF -> x.erf();
      case SIN -> x.sin();
      case COS -> x.cos();
      case TO_FLOAT -> x.toFloat();
      case TO_INT -> x.toInt();
    };
  }

  /** Applied to inputs 0, 1 and 2. */
  Expr applyToInputs() {
    List<Expr> a = new ArrayList<>();
    for (int i = 0; i < operands.size(); i++) {
      a.add(Expr.input(i, operands.get(i)));
    }
    return apply(a);
  }
}
