package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntBinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArithmeticTest {
  /** Results are fp32: half a unit in the last place is 6e-8. */
  private static final double ROUNDING = 1e-7;

  private final Device device = new Device(new ReferenceBackend());

  record Binary(String name, BinaryOperator<Tensor> op, DoubleBinaryOperator expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Binary> binary() {
    return Stream.of(new Binary("add", Tensor::add, (a, b) -> a + b), new Binary("sub", Tensor::sub, (a, b) -> a - b),
        new Binary("mul", Tensor::mul, (a, b) -> a * b), new Binary("div", Tensor::div, (a, b) -> a / b),
        new Binary("pow", (a, b) -> a.abs().pow(b), (a, b) -> Math.pow(Math.abs(a), b)),
        new Binary("maximum", Tensor::maximum, Math::max), new Binary("minimum", Tensor::minimum, Math::min));
  }

  @ParameterizedTest
  @MethodSource("binary")
  void operandsBroadcastAsInNumPyWhateverTheirLayout(Binary c) {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 0, 4);
      Dense a = Dense.random(random, Dense.broadcastable(random, dims));
      Dense b = Dense.random(random, Dense.broadcastable(random, dims));
      int[] full = Shape.broadcast(List.of(Shape.of(a.dims()), Shape.of(b.dims()))).dims();
      Dense expected = Dense.of(full, i -> c.expected.applyAsDouble(a.broadcast(i), b.broadcast(i)));
      String what = c + ", seed " + seed + ": " + Arrays.toString(a.dims()) + " and " + Arrays.toString(b.dims());
      expected.check(c.op.apply(a.on(device), b.on(device)), ROUNDING, what);
      expected.check(c.op.apply(a.stridedOn(device), b.stridedOn(device)), ROUNDING, what + ", strided");
      expected.check(c.op.apply(a.stridedOn(device), b.on(device)), ROUNDING, what + ", mixed");
    }
  }

  record Numbered(String name, UnaryOperator<Tensor> op, DoubleUnaryOperator expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Numbered> unary() {
    return Stream.of(new Numbered("add", x -> x.add(0.5), x -> x + 0.5),
        new Numbered("sub", x -> x.sub(0.5), x -> x - 0.5),
        new Numbered("subtractFrom", x -> x.subtractFrom(0.5), x -> 0.5 - x),
        new Numbered("mul", x -> x.mul(-3), x -> x * -3),
        new Numbered("div", x -> x.div(3), x -> x / 3), new Numbered("div by 0", x -> x.div(0), x -> x / 0),
        new Numbered("pow 3", x -> x.pow(3), x -> x * x * x), new Numbered("pow 0", x -> x.pow(0), x -> 1),
        new Numbered("pow 0.5", x -> x.pow(0.5), x -> Math.pow(x, 0.5)),
        new Numbered("pow -1", x -> x.pow(-1), x -> 1 / x),
        new Numbered("clamp", x -> x.clamp(-1, 1.5), x -> Math.min(1.5, Math.max(-1, x))),
        new Numbered("neg", Tensor::neg, x -> -x),
        new Numbered("abs", Tensor::abs, Math::abs), new Numbered("exp", Tensor::exp, Math::exp),
        new Numbered("log", Tensor::log, Math::log), new Numbered("sqrt", Tensor::sqrt, Math::sqrt),
        new Numbered("tanh", Tensor::tanh, Math::tanh),
        new Numbered("sigmoid", Tensor::sigmoid, x -> 1 / (1 + Math.exp(-x))),
        new Numbered("sin", Tensor::sin, Math::sin), new Numbered("cos", Tensor::cos, Math::cos),
        new Numbered("floor", Tensor::floor, Math::floor), new Numbered("square", Tensor::square, x -> x * x));
  }

  @ParameterizedTest
  @MethodSource("unary")
  void functionsAndNumbersApplyToEveryElement(Numbered c) {
    SplittableRandom random = new SplittableRandom(3);
    Dense x = Dense.random(random, 3, 5);
    Dense expected = Dense.of(x.dims(), i -> c.expected.applyAsDouble(x.get(i)));
    expected.check(c.op.apply(x.on(device)), ROUNDING, c.name);
    expected.check(c.op.apply(x.stridedOn(device)), ROUNDING, c.name + ", strided");
    expected.check(c.op.apply(x.on(device).unsqueeze(0).expand(2, 3, 5)).select(0, 1), ROUNDING, c.name + ", expanded");
  }

  @Test
  void theErrorFunctionHasItsKnownValues() {
    // Abramowitz and Stegun, Handbook of Mathematical Functions, table 7.1.
    double[] expected = {0, 0.5204998778, 0.8427007929, 0.9953222650, -0.8427007929};
    Tensor x = Tensor.of(device, new float[] {0, 0.5f, 1, 2, -1}, 5);
    new Dense(new int[] {5}, expected).check(x.erf(), ROUNDING, "erf");
  }

  @Test
  void infinitiesAndNanFollowIeee() {
    Tensor x = Tensor.of(device, new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN}, 3);
    assertThat(x.sub(x).toArray()).containsOnly(Float.NaN);
    assertThat(x.maximum(Tensor.zeros(device)).toArray()).containsExactly(Float.POSITIVE_INFINITY, 0, Float.NaN);
    assertThat(x.exp().toArray()).containsExactly(Float.POSITIVE_INFINITY, 0, Float.NaN);
    assertThat(x.sigmoid().toArray()).containsExactly(1, 0, Float.NaN);
  }

  record Integers(String name, BinaryOperator<Tensor> op, IntBinaryOperator expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Integers> integers() {
    return Stream.of(new Integers("add", Tensor::add, (a, b) -> a + b),
        new Integers("sub", Tensor::sub, (a, b) -> a - b),
        new Integers("mul", Tensor::mul, (a, b) -> a * b), new Integers("maximum", Tensor::maximum, Math::max),
        new Integers("minimum", Tensor::minimum, Math::min), new Integers("neg", (a, b) -> a.neg(), (a, b) -> -a),
        new Integers("abs", (a, b) -> a.abs(), (a, b) -> Math.abs(a)),
        new Integers("add a number", (a, b) -> a.add(7), (a, b) -> a + 7),
        new Integers("sub a number", (a, b) -> a.sub(7), (a, b) -> a - 7),
        new Integers("subtractFrom", (a, b) -> a.subtractFrom(7), (a, b) -> 7 - a),
        new Integers("mul a number", (a, b) -> a.mul(3), (a, b) -> a * 3));
  }

  @ParameterizedTest
  @MethodSource("integers")
  void integersStayIntegersAndWrap(Integers c) {
    int[] a = {0, 1, -5, 16777217, Integer.MAX_VALUE, Integer.MIN_VALUE, 65536};
    int[] b = {3, -1, 7, 2, 1, -1, 65537};
    Tensor result = c.op.apply(Tensor.of(device, a, 7), Tensor.of(device, b, 7));
    int[] expected = new int[a.length];
    Arrays.setAll(expected, i -> c.expected.applyAsInt(a[i], b[i]));
    assertThat(result.dtype()).isEqualTo(DType.I32);
    assertThat(result.toIntArray()).containsExactly(expected);
  }

  @Test
  void aNumberIsRefusedBesideTruthValues() {
    Tensor x = Tensor.of(device, new int[] {1, 0}, 2).to(DType.BOOL);
    assertThatThrownBy(() -> x.equalTo(1)).isInstanceOf(ShapeException.class).hasMessageContaining("BOOL[2]");
    assertThatThrownBy(() -> x.add(1)).isInstanceOf(ShapeException.class).hasMessageContaining("BOOL[2]");
  }

  @Test
  void aNumberThatIsNoIntegerIsRefusedBesideIntegers() {
    Tensor x = Tensor.of(device, new int[] {1, 2, 3}, 3);
    assertThatThrownBy(() -> x.add(0.5)).isInstanceOf(ShapeException.class)
        .hasMessage("add of I32[3] and 0.5, which is no 32-bit integer; convert with to(DType.F32)");
    assertThatThrownBy(() -> x.less(2.5)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("less of I32[3] and 2.5");
    assertThatThrownBy(() -> x.greater(Double.NEGATIVE_INFINITY)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.mul(3e9)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.div(2)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("convert with to(DType.F32)");
  }

  @Test
  void whereChoosesBetweenBroadcastOperands() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 3);
      Dense condition = Dense.integers(random, 0, 2, Dense.broadcastable(random, dims));
      Dense a = Dense.random(random, Dense.broadcastable(random, dims));
      Dense b = Dense.random(random, dims);
      Dense expected = Dense.of(dims, i -> condition.broadcast(i) != 0 ? a.broadcast(i) : b.broadcast(i));
      Tensor mask = condition.on(device).to(DType.BOOL);
      expected.check(Tensor.where(mask, a.on(device), b.stridedOn(device)), "seed " + seed);
      Tensor whole = Tensor.where(mask, a.on(device).to(DType.I32), b.on(device).to(DType.I32));
      assertThat(whole.dtype()).isEqualTo(DType.I32);
    }
  }

  @Test
  void aProgramOfSeveralInputsBroadcasts() {
    Expr sum = Expr.input(0).mul(Expr.input(1)).add(Expr.input(2).mul(Expr.argument(0)));
    Tensor a = Tensor.of(device, new float[] {1, 2}, 2, 1);
    Tensor b = Tensor.of(device, new float[] {3, 4, 5}, 3);
    Tensor c = Tensor.of(device, new float[] {10}, 1, 1);
    Tensor y = Tensor.pointwise("fma", Program.of(3, sum), Launch.of(0.5), a, b, c);
    assertThat(y.shape()).isEqualTo(Shape.of(2, 3));
    assertThat(y.toArray()).containsExactly(8, 9, 10, 11, 13, 15);
  }

  @Test
  void emptyTensorsGiveEmptyResults() {
    Tensor x = Tensor.zeros(device, 0, 3);
    assertThat(x.add(Tensor.ones(device, 3)).shape()).isEqualTo(Shape.of(0, 3));
    assertThat(x.exp().mul(2).toArray()).isEmpty();
    assertThat(x.unsqueeze(1).add(Tensor.ones(device, 2, 1)).shape()).isEqualTo(Shape.of(0, 2, 3));
    assertThatThrownBy(() -> x.add(Tensor.ones(device, 2, 3))).isInstanceOf(ShapeException.class);
  }

  @Test
  void fillingsHaveTheirValues() {
    assertThat(Tensor.zeros(device, 2).toArray()).containsExactly(0, 0);
    assertThat(Tensor.ones(device).toArray()).containsExactly(1);
    assertThat(Tensor.full(device, -2.5, 1, 3).toArray()).containsExactly(-2.5f, -2.5f, -2.5f);
    Tensor arange = Tensor.arange(device, 4);
    assertThat(arange.dtype()).isEqualTo(DType.I32);
    assertThat(arange.toIntArray()).containsExactly(0, 1, 2, 3);
    assertThat(Tensor.arange(device, 0).toIntArray()).isEmpty();
  }
}
