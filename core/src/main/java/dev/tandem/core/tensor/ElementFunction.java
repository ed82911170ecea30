package dev.tandem.core.tensor;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import org.jspecify.annotations.Nullable;

/**
 * What tensors compute element by element, as programs for each kind of element. A program is made when it is first wanted: most models
 * want few, and to make all took some 10 ms before the first step.
 */
enum ElementFunction {
  ADD(Kind.FLOAT, Kind.INT),
  SUB(Kind.FLOAT, Kind.INT),
  /** The second without the first. */
  SUBTRACT_FROM(Kind.FLOAT, Kind.INT),
  MUL(Kind.FLOAT, Kind.INT),
  DIV(Kind.FLOAT),
  POW(Kind.FLOAT),
  MAXIMUM(Kind.FLOAT, Kind.INT),
  MINIMUM(Kind.FLOAT, Kind.INT),
  LESS(Kind.FLOAT, Kind.INT),
  LESS_EQUAL(Kind.FLOAT, Kind.INT),
  GREATER(Kind.FLOAT, Kind.INT),
  GREATER_EQUAL(Kind.FLOAT, Kind.INT),
  EQUAL(Kind.values()),
  NOT_EQUAL(Kind.values()),
  AND(Kind.BOOL),
  OR(Kind.BOOL),
  NEG(Kind.FLOAT, Kind.INT),
  ABS(Kind.FLOAT, Kind.INT),
  NOT(Kind.BOOL),
  EXP(Kind.FLOAT),
  LOG(Kind.FLOAT),
  SQRT(Kind.FLOAT),
  TANH(Kind.FLOAT),
  SIGMOID(Kind.FLOAT),
  ERF(Kind.FLOAT),
  SIN(Kind.FLOAT),
  COS(Kind.FLOAT),
  FLOOR(Kind.FLOAT),
  SQUARE(Kind.FLOAT);

  /** The first is the one whose program operands of no known kind get. */
  private final Kind[] kinds;
  // By kind. Programs are immutable, so two threads may make the same.
  private final @Nullable Program[] ofOne = new Program[Kind.values().length];
  private final @Nullable Program[] ofTwo = new Program[ofOne.length];
  private final @Nullable Program[] withNumber = new Program[ofOne.length];

  ElementFunction(Kind... kinds) {
    this.kinds = kinds;
  }

  /** For one operand of {@code kind}; if there is none, one whose check then names the operand. Likewise the others. */
  Program ofOne(Kind kind) {
    Kind k = known(kind);
    Program p = ofOne[k.ordinal()];
    if (p == null) {
      Expr x = Expr.input(0, k);
      p = Program.of(1, apply(x, x));
      ofOne[k.ordinal()] = p;
    }
    return p;
  }

  /** For two operands of {@code kind}. */
  Program ofTwo(Kind kind) {
    Kind k = known(kind);
    Program p = ofTwo[k.ordinal()];
    if (p == null) {
      p = Program.of(2, apply(Expr.input(0, k), Expr.input(1, k)));
      ofTwo[k.ordinal()] = p;
    }
    return p;
  }

  /** For one operand of {@code kind} and a number given at launch, which is no BOOL. */
  Program withNumber(Kind kind) {
    Kind k = kind == Kind.BOOL ? Kind.FLOAT : known(kind);
    Program p = withNumber[k.ordinal()];
    if (p == null) {
      p = Program.of(1, apply(Expr.input(0, k), Expr.argument(0, k)));
      withNumber[k.ordinal()] = p;
    }
    return p;
  }

  private Kind known(Kind kind) {
    for (Kind k : kinds) {
      if (k == kind) {
        return k;
      }
    }
    return kinds[0];
  }

  /** @param b not read by functions of one operand */
  private Expr apply(Expr a, Expr b) {
    return switch (this) {
      case ADD -> a.add(b);
      case SUB -> a.sub(b);
      case SUBTRACT_FROM -> b.sub(a);
      case MUL -> a.mul(b);
      case DIV -> a.div(b);
      case POW -> a.pow(b);
      case MAXIMUM -> a.max(b);
      case MINIMUM -> a.min(b);
      case LESS -> a.less(b);
      case LESS_EQUAL -> a.less(b).or(a.equal(b));
      case GREATER -> b.less(a);
      case GREATER_EQUAL -> b.less(a).or(a.equal(b));
      case EQUAL -> a.equal(b);
      case NOT_EQUAL -> a.equal(b).not();
      case AND -> a.and(b);
      case OR -> a.or(b);
      case NEG -> a.neg();
      case ABS -> a.abs();
      case NOT -> a.not();
      case EXP -> a.exp();
      case LOG -> a.log();
      case SQRT -> a.sqrt();
      case TANH -> a.tanh();
      case SIGMOID -> a.sigmoid();
      case ERF -> a.erf();
      case SIN -> a.sin();
      case COS -> a.cos();
      case FLOOR -> a.floor();
      case SQUARE -> a.mul(a);
    };
  }
}
