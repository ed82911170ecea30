package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SinglePrecision;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ActivationsTest {
  private static final float[] POINTS =
      {-1e4f, -100, -20.5f, -7.5f, -3.5f, -2, -0.75f, -1e-3f, 0, 1e-3f, 0.5f, 1, 2.5f, 5.5f, 6.5f, 19,
          21, 100, 1e4f};

  /**
   * @param value the textbook formula, in double precision
   * @param atZero the gradient at 0
   */
  record Case(String name, UnaryOperator<Tensor> function, ElementwiseLayer layer, Program program, Launch launch,
      DoubleUnaryOperator value, double atZero) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> activations() {
    return Stream.of(
        of("sigmoid", Activations::sigmoid, new Sigmoid(), Activations.SIGMOID, ActivationsTest::sigmoid, 0.25),
        of("tanh", Activations::tanh, new Tanh(), Activations.TANH, Math::tanh, 1),
        of("relu", Activations::relu, new Relu(), Activations.RELU, x -> Math.max(x, 0), 0),
        of("relu6", Activations::relu6, new Relu6(), Activations.RELU6, x -> Math.min(Math.max(x, 0), 6), 0),
        new Case("leakyRelu", x -> Activations.leakyRelu(x, 0.1), new LeakyRelu(), Activations.LEAKY_RELU,
            Launch.of(0.1),
            x -> x > 0 ? x : 0.1 * x, 0.1),
        new Case("elu", x -> Activations.elu(x, 1.5), new Elu(1.5), Activations.ELU, Launch.of(1.5),
            x -> x > 0 ? x : 1.5 * Math.expm1(x), 1.5),
        of("selu", Activations::selu, new Selu(), Activations.SELU,
            x -> 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
            1.0507009873554805 * 1.6732632423543772),
        of("gelu", Activations::gelu, new Gelu(), Activations.GELU, x -> x * normalDistribution(x), 0.5),
        of("gelu by tanh", x -> Activations.gelu(x, Gelu.Approximation.TANH), new Gelu(Gelu.Approximation.TANH),
            Activations.GELU_TANH,
            x -> 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))), 0.5),
        of("silu", Activations::silu, new Silu(), Activations.SILU, x -> x * sigmoid(x), 0.5),
        new Case("softplus", x -> Activations.softplus(x, 1, 20), new Softplus(), Activations.SOFTPLUS,
            Launch.of(1, 20),
            ActivationsTest::softplus, 0.5),
        new Case("sharp softplus", x -> Activations.softplus(x, 3, 1), new Softplus(3, 1), Activations.SOFTPLUS,
            Launch.of(3, 1),
            x -> 3 * x > 1 ? x : softplus(3 * x) / 3, 0.5),
        of("mish", Activations::mish, new Mish(), Activations.MISH, x -> x * Math.tanh(softplus(x)), 0.6),
        of("hardSwish", Activations::hardSwish, new HardSwish(), Activations.HARD_SWISH,
            x -> x * Math.min(Math.max(x + 3, 0), 6) / 6, 0.5));
  }

  private static Case of(String name, UnaryOperator<Tensor> function, ElementwiseLayer layer, Program program,
      DoubleUnaryOperator value,
      double atZero) {
    return new Case(name, function, layer, program, Launch.NONE, value, atZero);
  }

  @ParameterizedTest
  @MethodSource("activations")
  void valuesAreThoseOfTheFormula(Case c) {
    float[] y = c.function.apply(onOracle(POINTS)).toArray();
    for (int i = 0; i < POINTS.length; i++) {
      // Constants and launch arguments of programs are rounded to fp32.
      assertThat((double) y[i]).as("at %s", POINTS[i]).isCloseTo(c.value.applyAsDouble(POINTS[i]),
          tolerance(POINTS[i], 2e-7));
    }
  }

  @ParameterizedTest
  @MethodSource("activations")
  void layersComputeTheFunction(Case c) {
    Device device = oracle();
    c.layer.on(device, 1);
    Tensor x = Tensor.of(device, POINTS, POINTS.length);
    assertThat(c.layer.apply(x).toArray()).isEqualTo(c.function.apply(x).toArray());
  }

  @ParameterizedTest
  @MethodSource("activations")
  void singlePrecisionLosesNoDigitsAndDoesNotOverflow(Case c) {
    for (float x : POINTS) {
      assertThat((double) SinglePrecision.evaluate(c.program, c.launch, x)).as("at %s", x)
          .isCloseTo(c.value.applyAsDouble(x), tolerance(x, 1e-6));
      assertThat((double) SinglePrecision.derivative(c.program, c.launch, x)).as("gradient at %s", x)
          .isCloseTo(x == 0 ? c.atZero : slope(c.value, x), within(2e-5));
    }
  }

  @ParameterizedTest
  @MethodSource("activations")
  void notANumberStaysOne(Case c) {
    assertThat(c.function.apply(onOracle(Float.NaN)).item()).isNaN();
  }

  @ParameterizedTest
  @MethodSource("activations")
  void gradientsAgreeWithFiniteDifferences(Case c) {
    GradientCheck.check(in -> c.function.apply(in.getFirst().mul(3)), new int[] {5, 7});
  }

  @ParameterizedTest
  @MethodSource("activations")
  void gradientsAreFiniteFarOut(Case c) {
    float[] g = GradientCheck.gradient(c.function, POINTS, POINTS.length);
    for (int i = 0; i < g.length; i++) {
      assertThat((double) g[i]).as("at %s", POINTS[i])
          .isCloseTo(POINTS[i] == 0 ? c.atZero : slope(c.value, POINTS[i]), within(2e-5));
    }
  }

  @Test
  void softmaxAndItsLogarithmRunAlongTheirAxis() {
    Tensor x = Tensor.of(oracle(), new float[] {1, 2, 3, 1e4f, -1e4f, 0}, 2, 3);
    double sum = Math.exp(-2) + Math.exp(-1) + 1;
    assertThat(Activations.softmax(x, 1).toArray()).containsExactly((float) (Math.exp(-2) / sum),
        (float) (Math.exp(-1) / sum),
        (float) (1 / sum), 1, 0, 0);
    assertThat(Activations.logSoftmax(x, -1).toArray()).containsExactly((float) (-2 - Math.log(sum)),
        (float) (-1 - Math.log(sum)),
        (float) -Math.log(sum), 0, -2e4f, -1e4f);
    assertThat(new Softmax(0).on(x.device(), 1).apply(x).toArray()).containsExactly(0, 1, (float) sigmoid(3), 1, 0,
        (float) sigmoid(-3));
    assertThat(new LogSoftmax(1).on(x.device(), 1).apply(x).toArray())
        .isEqualTo(Activations.logSoftmax(x, 1).toArray());
    GradientCheck.check(new Softmax(1), 4, 5);
    GradientCheck.check(new LogSoftmax(-2), 2, 4, 3);
  }

  @Test
  void maxoutTakesTheLargestOfNeighbouringChannels() {
    Tensor x = Tensor.of(oracle(), new float[] {1, 5, 2, -3, -1, -2, 7, 0, 4, 4, 3, 8}, 2, 6);
    assertThat(new Maxout(2).on(x.device(), 1).apply(x).toArray()).containsExactly(5, 2, -1, 7, 4, 8);
    assertThat(new Maxout(3).on(x.device(), 1).apply(x).shape().dims()).containsExactly(2, 2);
    assertThat(new Maxout(2, 0).on(x.device(), 1).apply(x).toArray()).containsExactly(7, 5, 4, 4, 3, 8);
    GradientCheck.check(new Maxout(2, 1), 2, 6, 3, 2);
    assertThatThrownBy(() -> new Maxout(4).on(x.device(), 1).apply(x)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("groups of 4");
  }

  @Test
  void softplusNeedsAPositiveBeta() {
    assertThatThrownBy(() -> new Softplus(0, 20)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("beta");
  }

  private static Offset<Double> tolerance(float x, double relative) {
    return within(relative * Math.max(1, Math.abs(x)));
  }

  /** A central difference, for points that are no kinks. */
  private static double slope(DoubleUnaryOperator f, double x) {
    double h = 1e-6 * Math.max(1e-2, Math.abs(x));
    return (f.applyAsDouble(x + h) - f.applyAsDouble(x - h)) / (2 * h);
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  /** By Simpson's rule, whose error with these steps is below 1e-12. */
  private static double normalDistribution(double x) {
    double end = Math.clamp(x, -9, 9);
    int steps = 4000;
    double h = end / steps;
    double sum = 1 + Math.exp(-end * end / 2);
    for (int i = 1; i < steps; i++) {
      sum += (i % 2 == 1 ? 4 : 2) * Math.exp(-i * h * i * h / 2);
    }
    return 0.5 + sum * h / 3 / Math.sqrt(2 * Math.PI);
  }

  private static Tensor onOracle(float... x) {
    return Tensor.of(oracle(), x, x.length);
  }

  private static Device oracle() {
    return new Device(new ReferenceBackend());
  }
}
