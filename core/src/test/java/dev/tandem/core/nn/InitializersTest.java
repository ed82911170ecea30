package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class InitializersTest {
  private static final long SEED = 42;
  /** Fan-in 32 * 9 = 288, fan-out 64 * 9 = 576. */
  private static final Shape CONVOLUTION = Shape.of(64, 32, 3, 3);
  private static final double NORMAL_KURTOSIS = 3;
  private static final double UNIFORM_KURTOSIS = 1.8;

  static Stream<Arguments> distributions() {
    return Stream.of(
        Arguments.of("uniform", Initializers.uniform(-1, 3), 1, 16.0 / 12, UNIFORM_KURTOSIS),
        Arguments.of("normal", Initializers.normal(-2, 0.5), -2, 0.25, NORMAL_KURTOSIS),
        Arguments.of("glorotUniform", Initializers.glorotUniform(), 0, 2.0 / (288 + 576), UNIFORM_KURTOSIS),
        Arguments.of("glorotNormal", Initializers.glorotNormal(), 0, 2.0 / (288 + 576), NORMAL_KURTOSIS),
        Arguments.of("heUniform", Initializers.heUniform(), 0, 2.0 / 288, UNIFORM_KURTOSIS),
        Arguments.of("heNormal", Initializers.heNormal(), 0, 2.0 / 288, NORMAL_KURTOSIS),
        Arguments.of("heUniform of a leaky slope by fan-out", Initializers.heUniform(0.5, Initializers.Fan.OUT), 0,
            2.0 / (1.25 * 576), UNIFORM_KURTOSIS),
        Arguments.of("heNormal of a leaky slope by fan-out", Initializers.heNormal(0.5, Initializers.Fan.OUT), 0,
            2.0 / (1.25 * 576), NORMAL_KURTOSIS),
        Arguments.of("lecunUniform", Initializers.lecunUniform(), 0, 1.0 / 288, UNIFORM_KURTOSIS),
        Arguments.of("lecunNormal", Initializers.lecunNormal(), 0, 1.0 / 288, NORMAL_KURTOSIS),
        Arguments.of("torchLinear", Initializers.torchLinear(), 0, 1.0 / (3 * 288), UNIFORM_KURTOSIS));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("distributions")
  void momentsAreThoseOfTheDistribution(String name, Initializer initializer, double mean, double variance,
      double kurtosis) {
    assertMoments(fill(initializer, CONVOLUTION, SEED), mean, variance, kurtosis);
  }

  /** Within five standard errors, which a right one leaves once in two million seeds. */
  private static void assertMoments(float[] values, double mean, double variance, double kurtosis) {
    double n = values.length;
    double sum = 0;
    double squares = 0;
    for (float v : values) {
      sum += v;
      squares += (v - mean) * (v - mean);
    }
    assertThat(sum / n).as("mean, seed %d", SEED).isCloseTo(mean, within(5 * Math.sqrt(variance / n)));
    assertThat(squares / n).as("variance, seed %d", SEED).isCloseTo(variance,
        within(5 * variance * Math.sqrt((kurtosis - 1) / n)));
  }

  @Test
  void torchLinearIsBoundedByTheRootOfTheFanIn() {
    float[] values = fill(Initializers.torchLinear(), Shape.of(500, 16), SEED);
    assertThat(extreme(values, 1)).isBetween(0.249, 0.25);
    assertThat(extreme(values, -1)).isBetween(-0.25, -0.249);
  }

  @ParameterizedTest(name = "{0} .. {1}")
  @MethodSource("intervals")
  void truncatedNormalHasTheMomentsOfTheTruncatedDensity(double low, double high) {
    double mean = 0.5;
    double std = 2;
    float[] values = fill(Initializers.truncatedNormal(mean, std, low, high), Shape.of(20_000), SEED);
    assertThat(extreme(values, -1)).isGreaterThanOrEqualTo(low);
    assertThat(extreme(values, 1)).isLessThanOrEqualTo(high);
    DoubleUnaryOperator density = x -> Math.exp(-(x - mean) * (x - mean) / (2 * std * std));
    double total = integral(density, low, high);
    double center = integral(x -> x * density.applyAsDouble(x), low, high) / total;
    double variance = integral(x -> Math.pow(x - center, 2) * density.applyAsDouble(x), low, high) / total;
    double fourth = integral(x -> Math.pow(x - center, 4) * density.applyAsDouble(x), low, high) / total;
    assertMoments(values, center, variance, fourth / (variance * variance));
  }

  private static double integral(DoubleUnaryOperator f, double low, double high) {
    int steps = 100_000;
    double h = (high - low) / steps;
    return IntStream.range(0, steps).mapToDouble(i -> f.applyAsDouble(low + h * (i + 0.5))).sum() * h;
  }

  static Stream<Arguments> intervals() {
    return Stream.of(Arguments.of(-4.0, 4.0), Arguments.of(-1.0, 100.0), Arguments.of(0.0, 1.0), Arguments.of(4.0, 5.0),
        Arguments.of(-6.0, -3.4));
  }

  @Test
  void truncationFarFromTheMeanIsRefused() {
    assertThatThrownBy(() -> Initializers.truncatedNormal(0, 1, 3, 4)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("more than two standard deviations away");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("matrices")
  void orthogonalRowsOrColumnsAreOrthonormalTimesTheGain(Shape shape) {
    double gain = 1.5;
    float[] w = fill(Initializers.orthogonal(gain), shape, SEED);
    int rows = shape.dim(0);
    int columns = w.length / rows;
    boolean wide = rows <= columns;
    int count = Math.min(rows, columns);
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        double product = 0;
        for (int k = 0; k < Math.max(rows, columns); k++) {
          product += wide ? w[i * columns + k] * (double) w[j * columns + k]
              : w[k * columns + i] * (double) w[k * columns + j];
        }
        // Rounding to fp32 leaves relative errors of 6e-8 in each of the summands, whose squares sum to gain^2.
        assertThat(product).isCloseTo(i == j ? gain * gain : 0, within(1e-6));
      }
    }
  }

  static Stream<Shape> matrices() {
    return Stream.of(Shape.of(1, 1), Shape.of(40, 40), Shape.of(7, 90), Shape.of(90, 7), Shape.of(16, 3, 5, 5),
        Shape.of(64, 3, 3, 3));
  }

  @Test
  void orthogonalMatricesHaveNoPreferredSign() {
    int n = 2000;
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += fill(Initializers.orthogonal(1), Shape.of(3, 3), SEED + i)[0];
    }
    assertThat(sum / n).isCloseTo(0, within(5 * Math.sqrt(1.0 / 3 / n)));
  }

  @Test
  void aSeedGivesTheSameValuesEverywhere() {
    Shape shape = Shape.of(1, 4);
    assertThat(fill(Initializers.uniform(-1, 1), shape, 7)).isEqualTo(fill(Initializers.uniform(-1, 1), shape, 7));
    assertThat(fill(Initializers.normal(0, 1), shape, 7)).containsExactly(GOLDEN_NORMAL);
    assertThat(fill(Initializers.normal(0, 1), shape, 8)).isNotEqualTo(fill(Initializers.normal(0, 1), shape, 7));
  }

  /** The generator of models fills whole pieces at once, of which the last is shorter here. */
  @Test
  void theGeneratorOfModelsGivesTheValuesOfAnyGenerator() {
    float[] values = new float[1000];
    for (Initializer initializer : List.of(Initializers.uniform(-1, 3), Initializers.torchLinear())) {
      initializer.fill(values, Shape.of(10, 100), new SplitMix64(SEED));
      assertThat(values).as("seed %d", SEED).containsExactly(fill(initializer, Shape.of(10, 100), SEED));
    }
  }

  /** Of SplittableRandom(7), computed by another program from the definitions of SplitMix64 and of the polar method. */
  private static final float[] GOLDEN_NORMAL = {-0.041741524f, -0.18308021f, 0.8764815f, 0.18137224f};

  @Test
  void constantsFill() {
    assertThat(fill(Initializers.zeros(), Shape.of(3), 1)).containsExactly(0, 0, 0);
    assertThat(fill(Initializers.ones(), Shape.of(3), 1)).containsExactly(1, 1, 1);
    assertThat(fill(Initializers.constant(-0.5), Shape.of(2, 1), 1)).containsExactly(-0.5f, -0.5f);
  }

  @Test
  void fansOfABiasAreRefusedByName() {
    assertThatThrownBy(() -> fill(Initializers.heNormal(), Shape.of(5), 1)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("heNormal").hasMessageContaining("[5]").hasMessageContaining("zeros()");
  }

  private static float[] fill(Initializer initializer, Shape shape, long seed) {
    float[] values = new float[Math.toIntExact(shape.size())];
    initializer.fill(values, shape, new SplittableRandom(seed));
    return values;
  }

  /** The largest (sign 1) or smallest (sign -1) value. */
  private static double extreme(float[] values, int sign) {
    return sign * IntStream.range(0, values.length).mapToDouble(i -> sign * values[i]).max().orElseThrow();
  }
}
