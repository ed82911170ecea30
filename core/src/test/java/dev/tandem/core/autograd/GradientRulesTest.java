package dev.tandem.core.autograd;

import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule against finite differences, over leaves and over intermediate results that are freed as early as in a model. */
class GradientRulesTest {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Expr Z = Expr.input(2);

  record Case(String name, Function<List<Tensor>, Tensor> f, int[]... shapes) {
    @Override
    public String toString() {
      return name;
    }
  }

  @ParameterizedTest
  @MethodSource({"functions", "broadcasts", "programs", "reductions", "products", "convolutions", "pools", "rows"})
  void agreesWithFiniteDifferences(Case c) {
    GradientCheck.check(c.f, c.shapes);
  }

  @ParameterizedTest
  @MethodSource({"functions", "broadcasts", "programs", "reductions", "products", "convolutions", "pools", "rows"})
  void readsNothingThatAModelHasFreed(Case c) {
    GradientCheck.check(in -> framed(() -> c.f.apply(in.stream().map(t -> framed(() -> t.mul(1))).toList())), c.shapes);
  }

  private static Tensor framed(Supplier<Tensor> body) {
    Scope scope = Scope.requireTraining("a check");
    return scope.frame("module", body, result -> new ArrayList<>(List.of(result)));
  }

  private static int[] dims(int... dims) {
    return dims;
  }

  private static Case unary(String name, UnaryOperator<Tensor> f) {
    return new Case(name, in -> f.apply(in.get(0)), dims(3, 4));
  }

  static List<Case> functions() {
    return List.of(unary("add", x -> x.add(2)), unary("sub", x -> x.sub(2)),
        unary("subtractFrom", x -> x.subtractFrom(2)),
        unary("mul", x -> x.mul(-3)), unary("div", x -> x.div(7)), unary("pow 2", x -> x.pow(2)),
        unary("pow 3", x -> x.pow(3)),
        unary("pow -1.5", x -> x.abs().pow(-1.5)), unary("pow 0", x -> x.pow(0).add(x)),
        unary("clamp", x -> x.clamp(-1, 1)),
        unary("neg", Tensor::neg), unary("abs", Tensor::abs), unary("exp", Tensor::exp),
        unary("log", x -> x.abs().log()),
        unary("sqrt", x -> x.abs().sqrt()), unary("tanh", Tensor::tanh), unary("sigmoid", Tensor::sigmoid),
        unary("erf", Tensor::erf),
        unary("sin", Tensor::sin), unary("cos", Tensor::cos), unary("floor", x -> x.floor().mul(x)),
        unary("square", Tensor::square),
        unary("expm1", x -> Tensor.pointwise("expm1", Program.of(1, X.expm1()), x)),
        unary("log1p", x -> Tensor.pointwise("log1p", Program.of(1, X.abs().log1p()), x)),
        unary("relu", x -> Tensor.pointwise("relu", Program.of(1, X.max(0)), x)),
        unary("to F64 and back", x -> x.to(DType.F64).square().to(DType.F32)),
        unary("copy", x -> x.transpose(0, 1).contiguous()),
        unary("softmax", x -> x.softmax(1)), unary("softmax 0", x -> x.transpose(0, 1).softmax(0)),
        unary("logSoftmax", x -> x.logSoftmax(-1)),
        unary("dropout", x -> x.mul(Tensor.uniform(x.device(), 3, 4).greater(0.5).to(DType.F32))));
  }

  static List<Case> broadcasts() {
    List<Case> cases = new ArrayList<>();
    int[][][] pairs = {{{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 1}, {1, 3}}, {{2, 1, 3}, {4, 1}},
        {{}, {2, 3}}, {{2, 3}, {1, 1}},
        {{1, 1, 1}, {3}}, {{5, 1, 2}, {1, 3, 1}}};
    for (int[][] p : pairs) {
      String what = Arrays.toString(p[0]) + Arrays.toString(p[1]);
      cases.add(two("add " + what, Tensor::add, p));
      cases.add(two("sub " + what, Tensor::sub, p));
      cases.add(two("mul " + what, Tensor::mul, p));
      cases.add(two("div " + what, (a, b) -> a.div(b.square().add(1)), p));
      cases.add(two("pow " + what, (a, b) -> a.abs().pow(b), p));
      cases.add(two("maximum " + what, Tensor::maximum, p));
      cases.add(two("minimum " + what, Tensor::minimum, p));
      cases.add(two("where " + what, (a, b) -> Tensor.where(a.detach().less(b.detach()), a.mul(2), b), p));
    }
    cases.add(new Case("where of three shapes", in -> Tensor.where(in.get(2).detach().greater(0), in.get(0), in.get(1)),
        dims(3, 1), dims(4), dims(2, 3, 4)));
    cases.add(new Case("strided operands", in -> in.get(0).transpose(0, 1).mul(in.get(1).slice(0, 1, 6, 2)), dims(4, 3),
        dims(6, 4)));
    cases.add(new Case("one operand twice", in -> in.get(0).mul(in.get(0).add(in.get(0).transpose(0, 1))), dims(3, 3)));
    return cases;
  }

  private static Case two(String name, BinaryOperator<Tensor> op, int[]... shapes) {
    return new Case(name, in -> op.apply(in.get(0), in.get(1)), shapes);
  }

  /** An LSTM-like cell: two outputs, the second made of the first, and a broadcast input. */
  private static List<Tensor> cell(List<Tensor> in) {
    Expr state = X.sigmoid().mul(Y).add(Z.tanh());
    Program program = Program.of(3, state, state.tanh().mul(X.sigmoid()).mul(Expr.argument(0)));
    return Execution.run(Pointwise.of("cell", program, Launch.of(1.5), DType.F32), in.toArray(Tensor[]::new));
  }

  private static Tensor manyInputs(List<Tensor> in) {
    Expr product = X;
    for (int i = 1; i < in.size(); i++) {
      product = product.mul(Expr.input(i).add(1));
    }
    return Tensor.pointwise("product", Program.of(in.size(), product.tanh()), in.toArray(Tensor[]::new));
  }

  static List<Case> programs() {
    int[][] cell = {{2, 3}, {3}, {2, 1}};
    int[][] many = new int[14][];
    Arrays.setAll(many, i -> i % 3 == 0 ? dims(3) : dims(2, 3));
    Expr random = Expr.random(Expr.input(1, DType.Kind.INT), 0);
    Program noisy = Program.of(2, random.less(0.5).where(X.mul(X), X.mul(random)));
    Program mixed = Program.of(2, X.less(Y), X.mul(Y), X.toInt());
    return List.of(new Case("both outputs", in -> cell(in).get(0).mul(cell(in).get(1)), cell),
        new Case("second output", in -> cell(in).get(1), cell),
        new Case("first output", in -> cell(in).get(0), cell),
        new Case("outputs of one call", in -> {
          List<Tensor> out = cell(in);
          return out.get(0).square().add(out.get(1));
        }, cell), new Case("fourteen inputs", GradientRulesTest::manyInputs, many),
        new Case("random numbers drawn again", in -> Tensor.pointwise("noisy", noisy, Launch.random(77), in.get(0),
            Scope.requireTraining("a check").random().counter()), dims(5, 3)),
        new Case("outputs of other kinds", in -> {
          List<Tensor> out = Execution.run(Pointwise.of("mixed", mixed, Launch.NONE, DType.F32), in.get(0), in.get(1));
          return Tensor.where(out.get(0), out.get(1), in.get(0)).mul(out.get(2).to(DType.F32));
        }, dims(2, 3), dims(3)));
  }

  private static Tensor reduce(Reduce.Kind kind, List<Integer> axes, Program prologue, List<Tensor> in) {
    return Execution.one(new Reduce(kind, axes, prologue, Launch.of(0.75)), in.toArray(Tensor[]::new));
  }

  static List<Case> reductions() {
    Program squares = Program.of(1, X.mul(X).mul(Expr.argument(0)));
    Program weighted = Program.of(3, X.sub(Y).mul(X.sub(Y)).mul(Z.sigmoid()).mul(Expr.argument(0)));
    int[][] broadcast = {{2, 3, 4}, {3, 1}, {2, 1, 1}};
    int[][] outer = {{3, 1}, {1, 4}, {4}};
    return List.of(new Case("sum", in -> in.get(0).sum(), dims(2, 3, 2)),
        new Case("sum 1", in -> in.get(0).sum(1), dims(2, 3, 2)),
        new Case("sumKeepDims", in -> in.get(0).sumKeepDims(0, 2).mul(in.get(0)), dims(2, 3, 2)),
        new Case("sum of size 1", in -> in.get(0).sum(1), dims(3, 1)),
        new Case("mean", in -> in.get(0).mean(-1), dims(2, 3)),
        new Case("variance", in -> in.get(0).variance(0), dims(5, 2)),
        new Case("max", in -> in.get(0).max(1), dims(3, 4)),
        new Case("max of all", in -> in.get(0).max(), dims(3, 4)),
        new Case("min", in -> in.get(0).min(0, 2), dims(3, 4, 2)),
        new Case("maxKeepDims", in -> in.get(0).sub(in.get(0).maxKeepDims(1)).exp(), dims(3, 4)),
        new Case("sum of squares", in -> reduce(Reduce.Kind.SUM, List.of(0), squares, in), dims(3, 4)),
        new Case("sum with a broadcast prologue", in -> reduce(Reduce.Kind.SUM, List.of(1), weighted, in), broadcast),
        new Case("sum of an outer product", in -> reduce(Reduce.Kind.SUM, List.of(0, 1), weighted, in), outer),
        new Case("sum over no axis", in -> reduce(Reduce.Kind.SUM, List.of(), weighted, in), outer),
        new Case("max of squares", in -> reduce(Reduce.Kind.MAX, List.of(1), squares, in), dims(3, 4)),
        new Case("min with a broadcast prologue", in -> reduce(Reduce.Kind.MIN, List.of(0, 2), weighted, in),
            broadcast),
        new Case("max of an outer product", in -> reduce(Reduce.Kind.MAX, List.of(1), weighted, in), outer),
        new Case("max of a strided view", in -> in.get(0).transpose(0, 1).slice(0, 0, 4, 2).max(0), dims(3, 4)));
  }

  static List<Case> products() {
    BinaryOperator<Tensor> matmul = Tensor::matmul;
    return List.of(two("matrices", matmul, dims(2, 3), dims(3, 4)), two("vectors", matmul, dims(3), dims(3)),
        two("vector and matrix", matmul, dims(3), dims(3, 2)), two("matrix and vector", matmul, dims(2, 3), dims(3)),
        two("batches", matmul, dims(5, 2, 3), dims(5, 3, 4)),
        two("batches and a matrix", matmul, dims(5, 2, 3), dims(3, 4)),
        two("a matrix and batches", matmul, dims(2, 3), dims(5, 3, 4)),
        two("broadcast batches", matmul, dims(2, 1, 2, 3), dims(4, 3, 2)),
        two("batch of one", matmul, dims(1, 2, 3), dims(4, 3, 2)),
        two("batches and a vector", matmul, dims(4, 2, 3), dims(3)),
        two("transposed", (a, b) -> a.transpose(0, 1).matmul(b.transpose(0, 1)), dims(3, 2), dims(4, 3)),
        two("strided", (a, b) -> a.slice(1, 1, 6, 2).matmul(b.slice(0, 0, 3)), dims(2, 6), dims(5, 4)),
        two("expanded", (a, b) -> a.expand(4, 3).matmul(b), dims(1, 3), dims(3, 2)),
        two("transposed batches", (a, b) -> a.permute(1, 2, 0).matmul(b), dims(3, 2, 4), dims(2, 3, 4)),
        new Case("with itself", in -> in.get(0).matmul(in.get(0)), dims(3, 3)),
        new Case("with its transpose", in -> in.get(0).matmul(in.get(0).transpose(0, 1)), dims(2, 3)),
        new Case("only the first", in -> in.get(0).matmul(constant(in, 3, 4)), dims(2, 3)),
        new Case("only the second", in -> constant(in, 2, 3).matmul(in.get(0)), dims(3, 4)));
  }

  private static void convolution(List<Case> cases, ConvGeometry g, int channels, int outputs, int height, int width,
      int kh, int kw) {
    int[] x = {2, channels, height, width};
    int[] w = {outputs, channels / g.groups(), kh, kw};
    int[] y = {2, outputs, g.outputHeight(height, kh), g.outputWidth(width, kw)};
    cases.add(two("Conv2d " + g, (a, b) -> Execution.one(new Conv2d(g), a, b), x, w));
    cases.add(two("Conv2dGradInput " + g, (a, b) -> Execution.one(new Conv2dGradInput(g, height, width), a, b), y, w));
    cases.add(two("Conv2dGradWeight " + g, (a, b) -> Execution.one(new Conv2dGradWeight(g, kh, kw), a, b), x, y));
  }

  static List<Case> convolutions() {
    List<Case> cases = new ArrayList<>();
    convolution(cases, ConvGeometry.of(1, 0), 2, 3, 4, 5, 3, 2);
    convolution(cases, ConvGeometry.of(2, 1), 2, 3, 6, 5, 3, 3);
    convolution(cases, new ConvGeometry(2, 1, 0, 2, 1, 2, 1), 1, 2, 6, 4, 2, 3);
    convolution(cases, new ConvGeometry(1, 2, 1, 0, 2, 1, 2), 4, 2, 5, 5, 2, 2);
    convolution(cases, new ConvGeometry(3, 2, 1, 1, 1, 1, 3), 3, 3, 6, 6, 2, 3);
    convolution(cases, ConvGeometry.of(1, 0), 3, 2, 1, 1, 1, 1);
    ConvGeometry same = ConvGeometry.of(1, 1);
    cases.add(new Case("only the weight", in -> Execution.one(new Conv2d(same), constant(in, 1, 2, 4, 4), in.get(0)),
        dims(2, 2, 3, 3)));
    cases.add(new Case("only the image", in -> Execution.one(new Conv2d(same), in.get(0), constant(in, 2, 2, 3, 3)),
        dims(1, 2, 4, 4)));
    cases.add(two("channels last",
        (a, b) -> Execution.one(new Conv2d(same), a.permute(0, 3, 1, 2), b.permute(3, 2, 0, 1)), dims(1, 3, 4, 2),
        dims(3, 3, 2, 2)));
    return cases;
  }

  static List<Case> pools() {
    List<Case> cases = new ArrayList<>();
    for (PoolGeometry.Kind kind : PoolGeometry.Kind.values()) {
      for (PoolGeometry g : List.of(PoolGeometry.of(kind, 2), new PoolGeometry(kind, 3, 2, 2, 1, 1, 1),
          new PoolGeometry(kind, 2, 3, 3, 2, 0, 1))) {
        cases.add(new Case(g.toString(), in -> Execution.one(new Pool2d(g), in.get(0)), dims(2, 2, 4, 6)));
        if (kind != PoolGeometry.Kind.MAX) {
          cases.add(new Case("gradient of " + g, in -> {
            Tensor y = Execution.one(new Pool2d(g), in.get(0));
            return Execution.one(new Pool2dGrad(g), in.get(0), y.square());
          }, dims(2, 2, 4, 6)));
        }
      }
    }
    return cases;
  }

  static List<Case> rows() {
    return List.of(
        new Case("Gather with repeated indices",
            in -> Execution.one(new Gather(), in.get(0), indices(in, 2, 0, 2, 2, 3)), dims(4, 3)),
        new Case("ScatterAdd with repeated indices",
            in -> Execution.one(new ScatterAdd(5), in.get(0), indices(in, 2, 0, 2, 4)), dims(4, 3)),
        new Case("cumulative sum", in -> in.get(0).cumsum(1), dims(2, 4, 3)),
        new Case("reverse cumulative sum", in -> Execution.one(new CumulativeSum(0, true), in.get(0)), dims(4, 2)),
        new Case("indexSelect", in -> in.get(0).indexSelect(1, indices(in, 1, 1, 0)), dims(3, 2, 4)),
        new Case("gather", in -> in.get(0).gather(1, indices(in, 3, 1, 1, 0, 0, 0).reshape(2, 3)), dims(3, 4)),
        new Case("gather of a strided view",
            in -> in.get(0).transpose(0, 1).gather(0, indices(in, 3, 1, 1, 0, 0, 0).reshape(2, 3)), dims(3, 4)),
        two("scatterAdd", (a, b) -> a.scatterAdd(0, indices(List.of(a), 2, 0, 2, 2).reshape(2, 2), b), dims(3, 2),
            dims(2, 2)));
  }

  /** Through which no gradient flows. */
  private static Tensor constant(List<Tensor> in, int... dims) {
    int n = Math.toIntExact(Shape.of(dims).size());
    return Tensor.arange(in.get(0).device(), n).to(DType.F32).reshape(dims).sub(2.5);
  }

  private static Tensor indices(List<Tensor> in, int... values) {
    return Tensor.of(in.get(0).device(), values, values.length);
  }
}
