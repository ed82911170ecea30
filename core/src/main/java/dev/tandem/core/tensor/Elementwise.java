package dev.tandem.core.tensor;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.ShapeException;
import java.util.List;

/**
 * What tensors can do element by element. Operands broadcast as in NumPy; dtypes are not converted silently, but the float types mix
 * and give the widest (in a step in BF16 the widest of full size), and the integer types mix and give I32, two U8 too. Numbers given as {@code double} are fixed in a replayed step: for one that changes use a {@link Scalar}.
 */
abstract sealed class Elementwise permits Reducing {
  private static final Expr X = Expr.input(0);

  private static final Program CLAMP = Program.of(1, X.max(Expr.argument(0)).min(Expr.argument(1)));

  private Tensor self() {
    return (Tensor) this;
  }

  private Tensor with(String name, ElementFunction f, Tensor b) {
    return pointwise(name, f.ofTwo(self().dtype().kind()), self(), b);
  }

  private Tensor with(String name, ElementFunction f, double b) {
    if (self().dtype().kind() == Kind.INT && b != (int) b) {
      throw new ShapeException(
          name + " of " + self() + " and " + b + ", which is no 32-bit integer; convert with to(DType.F32)");
    }
    return pointwise(name, f.withNumber(self().dtype().kind()), Launch.of(b), self());
  }

  private Tensor with(String name, ElementFunction f) {
    return pointwise(name, f.ofOne(self().dtype().kind()), self());
  }

  /** {@code program(in...)} with broadcasting, for programs with one output.
   *
   * @param name for error messages and profiles
   */
  public static Tensor pointwise(String name, Program program, Tensor... in) {
    return pointwise(name, program, Launch.NONE, in);
  }

  /** {@code program(in...)} with numbers given at launch. */
  public static Tensor pointwise(String name, Program program, Launch launch, Tensor... in) {
    return Execution.one(Pointwise.of(name, program, launch, Autocast.result(in)), in);
  }

  public final Tensor add(Tensor b) {
    return with("add", ElementFunction.ADD, b);
  }

  public final Tensor sub(Tensor b) {
    return with("sub", ElementFunction.SUB, b);
  }

  public final Tensor mul(Tensor b) {
    return with("mul", ElementFunction.MUL, b);
  }

  /** Floats only. */
  public final Tensor div(Tensor b) {
    return with("div", ElementFunction.DIV, b);
  }

  /** Floats only; {@code Math.pow}. */
  public final Tensor pow(Tensor b) {
    return with("pow", ElementFunction.POW, b);
  }

  public final Tensor maximum(Tensor b) {
    return with("maximum", ElementFunction.MAXIMUM, b);
  }

  public final Tensor minimum(Tensor b) {
    return with("minimum", ElementFunction.MINIMUM, b);
  }

  public final Tensor add(double b) {
    return with("add", ElementFunction.ADD, b);
  }

  public final Tensor sub(double b) {
    return with("sub", ElementFunction.ADD, -b);
  }

  /** {@code a - this}. */
  public final Tensor subtractFrom(double a) {
    return with("subtractFrom", ElementFunction.SUBTRACT_FROM, a);
  }

  public final Tensor mul(double b) {
    return with("mul", ElementFunction.MUL, b);
  }

  /** Floats only. */
  public final Tensor div(double b) {
    return pointwise("div", ElementFunction.DIV.withNumber(Kind.FLOAT), Launch.of(b), self());
  }

  /** Floats only. The exponent is part of the program: fixed in a replay. */
  public final Tensor pow(double exponent) {
    return pointwise("pow", Program.of(1, X.pow(exponent)), self());
  }

  /** At least {@code min} and at most {@code max}; floats only. */
  public final Tensor clamp(double min, double max) {
    return pointwise("clamp", CLAMP, Launch.of(min, max), self());
  }

  public final Tensor less(Tensor b) {
    return with("less", ElementFunction.LESS, b);
  }

  public final Tensor lessEqual(Tensor b) {
    return with("lessEqual", ElementFunction.LESS_EQUAL, b);
  }

  public final Tensor greater(Tensor b) {
    return b.less(self());
  }

  public final Tensor greaterEqual(Tensor b) {
    return b.lessEqual(self());
  }

  /** Where elements are equal; NaN equals nothing. */
  public final Tensor equalTo(Tensor b) {
    return with("equalTo", ElementFunction.EQUAL, b);
  }

  public final Tensor notEqualTo(Tensor b) {
    return with("notEqualTo", ElementFunction.NOT_EQUAL, b);
  }

  public final Tensor less(double b) {
    return with("less", ElementFunction.LESS, b);
  }

  public final Tensor lessEqual(double b) {
    return with("lessEqual", ElementFunction.LESS_EQUAL, b);
  }

  public final Tensor greater(double b) {
    return with("greater", ElementFunction.GREATER, b);
  }

  public final Tensor greaterEqual(double b) {
    return with("greaterEqual", ElementFunction.GREATER_EQUAL, b);
  }

  public final Tensor equalTo(double b) {
    return with("equalTo", ElementFunction.EQUAL, b);
  }

  public final Tensor notEqualTo(double b) {
    return with("notEqualTo", ElementFunction.NOT_EQUAL, b);
  }

  /** Logical conjunction of BOOL tensors. */
  public final Tensor and(Tensor b) {
    return with("and", ElementFunction.AND, b);
  }

  /** Logical disjunction of BOOL tensors. */
  public final Tensor or(Tensor b) {
    return with("or", ElementFunction.OR, b);
  }

  /** Logical negation of a BOOL tensor. */
  public final Tensor not() {
    return with("not", ElementFunction.NOT);
  }

  /** {@code a} where {@code condition} (BOOL) holds, else {@code b}; all three broadcast. */
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    Kind k = a.dtype().kind();
    Program program = Program.of(3, Expr.input(0, Kind.BOOL).where(Expr.input(1, k), Expr.input(2, k)));
    return pointwise("where", program, condition, a, b);
  }

  public final Tensor neg() {
    return with("neg", ElementFunction.NEG);
  }

  public final Tensor abs() {
    return with("abs", ElementFunction.ABS);
  }

  public final Tensor exp() {
    return with("exp", ElementFunction.EXP);
  }

  /** The natural logarithm. */
  public final Tensor log() {
    return with("log", ElementFunction.LOG);
  }

  public final Tensor sqrt() {
    return with("sqrt", ElementFunction.SQRT);
  }

  public final Tensor tanh() {
    return with("tanh", ElementFunction.TANH);
  }

  public final Tensor sigmoid() {
    return with("sigmoid", ElementFunction.SIGMOID);
  }

  /** The error function. */
  public final Tensor erf() {
    return with("erf", ElementFunction.ERF);
  }

  public final Tensor sin() {
    return with("sin", ElementFunction.SIN);
  }

  public final Tensor cos() {
    return with("cos", ElementFunction.COS);
  }

  public final Tensor floor() {
    return with("floor", ElementFunction.FLOOR);
  }

  public final Tensor square() {
    return with("square", ElementFunction.SQUARE);
  }

  /** Converted: floats to integers towards zero, anything to BOOL by {@code != 0}. This tensor if it has that dtype already. */
  public final Tensor to(DType dtype) {
    if (self().dtype() == dtype) {
      return self();
    }
    Program program = Program.of(1, Expr.input(0, self().dtype().kind()).to(dtype.kind()));
    return Execution.one(new Pointwise("to" + dtype, program, List.of(dtype), Launch.NONE), self());
  }
}
