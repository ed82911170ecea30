package dev.tandem.core.tensor;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.ShapeException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/**
 * What tensors can do element by element. Operands broadcast as in NumPy; dtypes are not converted silently, but the float types mix
 * and give the widest (in a step in BF16 the widest of full size), and the integer types mix and give I32, two U8 too. Numbers given as {@code double} are fixed in a replayed step: for one that changes use a {@link Scalar}.
 */
abstract sealed class Elementwise permits Reducing {
  private static final Expr X = Expr.input(0);

  private static final Map<Kind, Program> ADD = binary(Expr::add, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> SUB = binary(Expr::sub, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> MUL = binary(Expr::mul, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> DIV = binary(Expr::div, Kind.FLOAT);
  private static final Map<Kind, Program> POW = binary(Expr::pow, Kind.FLOAT);
  private static final Map<Kind, Program> MAXIMUM = binary(Expr::max, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> MINIMUM = binary(Expr::min, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> LESS = binary(Expr::less, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> LESS_EQUAL = binary((a, b) -> a.less(b).or(a.equal(b)), Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> EQUAL = binary(Expr::equal, Kind.values());
  private static final Map<Kind, Program> NOT_EQUAL = binary((a, b) -> a.equal(b).not(), Kind.values());
  private static final Map<Kind, Program> AND = binary(Expr::and, Kind.BOOL);
  private static final Map<Kind, Program> OR = binary(Expr::or, Kind.BOOL);

  private static final Map<Kind, Program> ADD_NUMBER = number(Expr::add);
  private static final Map<Kind, Program> SUBTRACT_FROM_NUMBER = number((x, n) -> n.sub(x));
  private static final Map<Kind, Program> MUL_NUMBER = number(Expr::mul);
  private static final Program DIV_NUMBER = Program.of(1, X.div(Expr.argument(0)));
  private static final Map<Kind, Program> LESS_NUMBER = number(Expr::less);
  private static final Map<Kind, Program> LESS_EQUAL_NUMBER = number((a, b) -> a.less(b).or(a.equal(b)));
  private static final Map<Kind, Program> GREATER_NUMBER = number((a, b) -> b.less(a));
  private static final Map<Kind, Program> GREATER_EQUAL_NUMBER = number((a, b) -> b.less(a).or(a.equal(b)));
  private static final Map<Kind, Program> EQUAL_NUMBER = number(Expr::equal);
  private static final Map<Kind, Program> NOT_EQUAL_NUMBER = number((a, b) -> a.equal(b).not());
  private static final Program CLAMP = Program.of(1, X.max(Expr.argument(0)).min(Expr.argument(1)));

  private static final Map<Kind, Program> NEG = unary(Expr::neg, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> ABS = unary(Expr::abs, Kind.FLOAT, Kind.INT);
  private static final Map<Kind, Program> NOT = unary(Expr::not, Kind.BOOL);
  private static final Program EXP = Program.of(1, X.exp());
  private static final Program LOG = Program.of(1, X.log());
  private static final Program SQRT = Program.of(1, X.sqrt());
  private static final Program TANH = Program.of(1, X.tanh());
  private static final Program SIGMOID = Program.of(1, X.sigmoid());
  private static final Program ERF = Program.of(1, X.erf());
  private static final Program SIN = Program.of(1, X.sin());
  private static final Program COS = Program.of(1, X.cos());
  private static final Program FLOOR = Program.of(1, X.floor());
  private static final Program SQUARE = Program.of(1, X.mul(X));

  private static Map<Kind, Program> binary(BinaryOperator<Expr> f, Kind... kinds) {
    Map<Kind, Program> programs = new EnumMap<>(Kind.class);
    for (Kind k : kinds) {
      programs.put(k, Program.of(2, f.apply(Expr.input(0, k), Expr.input(1, k))));
    }
    return programs;
  }

  private static Map<Kind, Program> number(BinaryOperator<Expr> f) {
    Map<Kind, Program> programs = new EnumMap<>(Kind.class);
    for (Kind k : new Kind[] {Kind.FLOAT, Kind.INT}) {
      programs.put(k, Program.of(1, f.apply(Expr.input(0, k), Expr.argument(0, k))));
    }
    return programs;
  }

  private static Map<Kind, Program> unary(UnaryOperator<Expr> f, Kind... kinds) {
    Map<Kind, Program> programs = new EnumMap<>(Kind.class);
    for (Kind k : kinds) {
      programs.put(k, Program.of(1, f.apply(Expr.input(0, k))));
    }
    return programs;
  }

  /** The program for operands of {@code kind}; the one for floats if there is none, whose check then names the operand. */
  private static Program pick(Map<Kind, Program> programs, Kind kind) {
    Program p = programs.get(kind);
    return p != null ? p : programs.values().iterator().next();
  }

  private Tensor self() {
    return (Tensor) this;
  }

  private Tensor with(String name, Map<Kind, Program> programs, Tensor b) {
    return pointwise(name, pick(programs, self().dtype().kind()), self(), b);
  }

  private Tensor with(String name, Map<Kind, Program> programs, double b) {
    if (self().dtype().kind() == Kind.INT && b != (int) b) {
      throw new ShapeException(
          name + " of " + self() + " and " + b + ", which is no 32-bit integer; convert with to(DType.F32)");
    }
    return pointwise(name, pick(programs, self().dtype().kind()), Launch.of(b), self());
  }

  private Tensor with(String name, Map<Kind, Program> programs) {
    return pointwise(name, pick(programs, self().dtype().kind()), self());
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
    return with("add", ADD, b);
  }

  public final Tensor sub(Tensor b) {
    return with("sub", SUB, b);
  }

  public final Tensor mul(Tensor b) {
    return with("mul", MUL, b);
  }

  /** Floats only. */
  public final Tensor div(Tensor b) {
    return with("div", DIV, b);
  }

  /** Floats only; {@code Math.pow}. */
  public final Tensor pow(Tensor b) {
    return with("pow", POW, b);
  }

  public final Tensor maximum(Tensor b) {
    return with("maximum", MAXIMUM, b);
  }

  public final Tensor minimum(Tensor b) {
    return with("minimum", MINIMUM, b);
  }

  public final Tensor add(double b) {
    return with("add", ADD_NUMBER, b);
  }

  public final Tensor sub(double b) {
    return with("sub", ADD_NUMBER, -b);
  }

  /** {@code a - this}. */
  public final Tensor subtractFrom(double a) {
    return with("subtractFrom", SUBTRACT_FROM_NUMBER, a);
  }

  public final Tensor mul(double b) {
    return with("mul", MUL_NUMBER, b);
  }

  /** Floats only. */
  public final Tensor div(double b) {
    return pointwise("div", DIV_NUMBER, Launch.of(b), self());
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
    return with("less", LESS, b);
  }

  public final Tensor lessEqual(Tensor b) {
    return with("lessEqual", LESS_EQUAL, b);
  }

  public final Tensor greater(Tensor b) {
    return b.less(self());
  }

  public final Tensor greaterEqual(Tensor b) {
    return b.lessEqual(self());
  }

  /** Where elements are equal; NaN equals nothing. */
  public final Tensor equalTo(Tensor b) {
    return with("equalTo", EQUAL, b);
  }

  public final Tensor notEqualTo(Tensor b) {
    return with("notEqualTo", NOT_EQUAL, b);
  }

  public final Tensor less(double b) {
    return with("less", LESS_NUMBER, b);
  }

  public final Tensor lessEqual(double b) {
    return with("lessEqual", LESS_EQUAL_NUMBER, b);
  }

  public final Tensor greater(double b) {
    return with("greater", GREATER_NUMBER, b);
  }

  public final Tensor greaterEqual(double b) {
    return with("greaterEqual", GREATER_EQUAL_NUMBER, b);
  }

  public final Tensor equalTo(double b) {
    return with("equalTo", EQUAL_NUMBER, b);
  }

  public final Tensor notEqualTo(double b) {
    return with("notEqualTo", NOT_EQUAL_NUMBER, b);
  }

  /** Logical conjunction of BOOL tensors. */
  public final Tensor and(Tensor b) {
    return with("and", AND, b);
  }

  /** Logical disjunction of BOOL tensors. */
  public final Tensor or(Tensor b) {
    return with("or", OR, b);
  }

  /** Logical negation of a BOOL tensor. */
  public final Tensor not() {
    return with("not", NOT);
  }

  /** {@code a} where {@code condition} (BOOL) holds, else {@code b}; all three broadcast. */
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    Kind k = a.dtype().kind();
    Program program = Program.of(3, Expr.input(0, Kind.BOOL).where(Expr.input(1, k), Expr.input(2, k)));
    return pointwise("where", program, condition, a, b);
  }

  public final Tensor neg() {
    return with("neg", NEG);
  }

  public final Tensor abs() {
    return with("abs", ABS);
  }

  public final Tensor exp() {
    return pointwise("exp", EXP, self());
  }

  /** The natural logarithm. */
  public final Tensor log() {
    return pointwise("log", LOG, self());
  }

  public final Tensor sqrt() {
    return pointwise("sqrt", SQRT, self());
  }

  public final Tensor tanh() {
    return pointwise("tanh", TANH, self());
  }

  public final Tensor sigmoid() {
    return pointwise("sigmoid", SIGMOID, self());
  }

  /** The error function. */
  public final Tensor erf() {
    return pointwise("erf", ERF, self());
  }

  public final Tensor sin() {
    return pointwise("sin", SIN, self());
  }

  public final Tensor cos() {
    return pointwise("cos", COS, self());
  }

  public final Tensor floor() {
    return pointwise("floor", FLOOR, self());
  }

  public final Tensor square() {
    return pointwise("square", SQUARE, self());
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
