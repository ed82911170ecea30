package dev.tandem.core.pointwise;

import dev.tandem.core.shape.DType.Kind;
import java.util.List;

/**
 * A typed elementwise expression; nodes may be shared. Compared by identity: programs find equal subexpressions themselves. Float
 * literals are rounded to fp32 so that every backend, a double-precision one too, sees one value.
 */
public final class Expr {
  final Opcode op;
  final Kind kind;
  final List<Expr> args;
  final double value;
  final int index;

  private Expr(Opcode op, Kind kind, double value, int index, List<Expr> args) {
    this.op = op;
    this.kind = kind;
    this.args = args;
    this.value = value;
    this.index = index;
  }

  static Expr of(Opcode op, Kind kind, double value, int index, List<Expr> args) {
    return new Expr(op, kind, value, index, List.copyOf(args));
  }

  /** The {@code i}-th operand, read as FLOAT. */
  public static Expr input(int i) {
    return input(i, Kind.FLOAT);
  }

  public static Expr input(int i, Kind kind) {
    return new Expr(Opcode.INPUT, kind, 0, i, List.of());
  }

  /** A FLOAT literal. */
  public static Expr constant(double v) {
    return constant(v, Kind.FLOAT);
  }

  /** A literal; for BOOL 0 or 1. */
  public static Expr constant(double v, Kind kind) {
    if (kind != Kind.FLOAT && v != (int) v) {
      throw new IllegalArgumentException(v + " is no " + kind);
    }
    return new Expr(Opcode.CONST, kind, kind == Kind.FLOAT ? (float) v : v, 0, List.of());
  }

  /** A FLOAT given at launch: not part of the program, so that programs do not multiply with sizes and factors. */
  public static Expr argument(int i) {
    return argument(i, Kind.FLOAT);
  }

  public static Expr argument(int i, Kind kind) {
    return new Expr(Opcode.ARGUMENT, kind, 0, i, List.of());
  }

  /** Uniform in [0, 1) from Philox.
   *
   * @param counter an INT input of one element, the host's count of steps
   * @param salt tells several draws of one program apart
   */
  public static Expr random(Expr counter, int salt) {
    require(counter.op == Opcode.INPUT && counter.kind == Kind.INT,
        "the counter of a random number must be an INT input");
    return new Expr(Opcode.RANDOM, Kind.FLOAT, 0, salt, List.of(counter));
  }

  public Kind kind() {
    return kind;
  }

  public Expr add(Expr b) {
    return isConstant(0) ? b : b.isConstant(0) ? this : number(Opcode.ADD, b);
  }

  public Expr sub(Expr b) {
    return b.isConstant(0) ? this : number(Opcode.SUB, b);
  }

  public Expr mul(Expr b) {
    return isConstant(1) ? b : b.isConstant(1) ? this : number(Opcode.MUL, b);
  }

  public Expr div(Expr b) {
    return b.isConstant(1) ? this : floats(Opcode.DIV, b);
  }

  public Expr max(Expr b) {
    return number(Opcode.MAX, b);
  }

  public Expr min(Expr b) {
    return number(Opcode.MIN, b);
  }

  public Expr pow(Expr b) {
    return floats(Opcode.POW, b);
  }

  public Expr less(Expr b) {
    require(kind == b.kind && kind != Kind.BOOL, "LESS of " + kind + " and " + b.kind);
    return of(Opcode.LESS, Kind.BOOL, 0, 0, List.of(this, b));
  }

  public Expr equal(Expr b) {
    require(kind == b.kind, "EQUAL of " + kind + " and " + b.kind);
    return of(Opcode.EQUAL, Kind.BOOL, 0, 0, List.of(this, b));
  }

  public Expr add(double b) {
    return add(constant(b, kind));
  }

  public Expr sub(double b) {
    return sub(constant(b, kind));
  }

  public Expr mul(double b) {
    return mul(constant(b, kind));
  }

  public Expr div(double b) {
    return div(constant(b, kind));
  }

  public Expr max(double b) {
    return max(constant(b, kind));
  }

  public Expr min(double b) {
    return min(constant(b, kind));
  }

  public Expr pow(double b) {
    return pow(constant(b, kind));
  }

  public Expr less(double b) {
    return less(constant(b, kind));
  }

  public Expr neg() {
    require(kind != Kind.BOOL, "NEG of BOOL");
    return of(Opcode.NEG, kind, 0, 0, List.of(this));
  }

  public Expr abs() {
    require(kind != Kind.BOOL, "ABS of BOOL");
    return of(Opcode.ABS, kind, 0, 0, List.of(this));
  }

  public Expr floor() {
    return function(Opcode.FLOOR);
  }

  public Expr sqrt() {
    return function(Opcode.SQRT);
  }

  public Expr exp() {
    return function(Opcode.EXP);
  }

  public Expr log() {
    return function(Opcode.LOG);
  }

  /** {@code exp(x) - 1}, exact near 0. */
  public Expr expm1() {
    return function(Opcode.EXPM1);
  }

  /** {@code log(1 + x)}, exact near 0. */
  public Expr log1p() {
    return function(Opcode.LOG1P);
  }

  public Expr tanh() {
    return function(Opcode.TANH);
  }

  public Expr sigmoid() {
    return function(Opcode.SIGMOID);
  }

  /** The error function. */
  public Expr erf() {
    return function(Opcode.ERF);
  }

  public Expr sin() {
    return function(Opcode.SIN);
  }

  public Expr cos() {
    return function(Opcode.COS);
  }

  /** {@code a} where this, a BOOL, is true, else {@code b}. */
  public Expr where(Expr a, Expr b) {
    require(kind == Kind.BOOL, "WHERE needs a BOOL condition, not " + kind);
    require(a.kind == b.kind, "WHERE between " + a.kind + " and " + b.kind);
    return of(Opcode.WHERE, a.kind, 0, 0, List.of(this, a, b));
  }

  /** Logical negation of a BOOL. */
  public Expr not() {
    return where(constant(0, Kind.BOOL), constant(1, Kind.BOOL));
  }

  /** Logical conjunction of BOOLs. */
  public Expr and(Expr b) {
    return where(b, constant(0, Kind.BOOL));
  }

  /** Logical disjunction of BOOLs. */
  public Expr or(Expr b) {
    return where(constant(1, Kind.BOOL), b);
  }

  /** As FLOAT; a FLOAT stays itself. */
  public Expr toFloat() {
    return kind == Kind.FLOAT ? this : of(Opcode.TO_FLOAT, Kind.FLOAT, 0, 0, List.of(this));
  }

  /** As INT; an INT stays itself. */
  public Expr toInt() {
    return kind == Kind.INT ? this : of(Opcode.TO_INT, Kind.INT, 0, 0, List.of(this));
  }

  /** As BOOL: whether a number is not 0. */
  public Expr toBool() {
    return kind == Kind.BOOL ? this : equal(constant(0, kind)).not();
  }

  /** Converted to {@code wanted} by {@link #toFloat}, {@link #toInt} or {@link #toBool}. */
  public Expr to(Kind wanted) {
    return switch (wanted) {
      case FLOAT -> toFloat();
      case INT -> toInt();
      case BOOL -> toBool();
    };
  }

  boolean isConstant(double v) {
    return op == Opcode.CONST && value == v;
  }

  private Expr number(Opcode o, Expr b) {
    if (kind != b.kind || kind == Kind.BOOL) {
      throw new IllegalArgumentException(o + " of " + kind + " and " + b.kind);
    }
    return of(o, kind, 0, 0, List.of(this, b));
  }

  private Expr floats(Opcode o, Expr b) {
    if (kind != Kind.FLOAT || b.kind != Kind.FLOAT) {
      throw new IllegalArgumentException(o + " of " + kind + " and " + b.kind + "; convert with toFloat()");
    }
    return of(o, Kind.FLOAT, 0, 0, List.of(this, b));
  }

  private Expr function(Opcode o) {
    if (kind != Kind.FLOAT) {
      throw new IllegalArgumentException(o + " of " + kind + "; convert with toFloat()");
    }
    return of(o, Kind.FLOAT, 0, 0, List.of(this));
  }

  private static void require(boolean ok, String message) {
    if (!ok) {
      throw new IllegalArgumentException(message);
    }
  }
}
