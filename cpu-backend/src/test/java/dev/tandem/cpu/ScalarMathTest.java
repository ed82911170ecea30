package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The functions against {@link StrictMath} in double precision, over floats of every exponent and both signs. */
class ScalarMathTest {
  /** Odd, so that low bits vary; about half a million floats. */
  private static final int STRIDE = 8191;

  interface FloatFunction {
    float of(float x);
  }

  /** The bounds that ScalarMath states, in units in the last place of the true value. */
  @SuppressWarnings("ImmutableEnumChecker")
  enum Function {
    EXP(ScalarMath::exp, StrictMath::exp, 0.91),
    EXPM1(ScalarMath::expm1, StrictMath::expm1, 1.46),
    LOG(ScalarMath::log, StrictMath::log, 0.9),
    LOG1P(ScalarMath::log1p, StrictMath::log1p, 1.4),
    TANH(ScalarMath::tanh, StrictMath::tanh, 1.22),
    SIGMOID(ScalarMath::sigmoid,
        x -> x < 0 ? StrictMath.exp(x) / (1 + StrictMath.exp(x)) : 1 / (1 + StrictMath.exp(-x)), 2.42),
    ERF(ScalarMath::erf, Function::erf, 1.1),
    FLOOR(ScalarMath::floor, StrictMath::floor, 0);

    final FloatFunction function;
    final DoubleUnaryOperator exact;
    final double ulps;

    Function(FloatFunction function, DoubleUnaryOperator exact, double ulps) {
      this.function = function;
      this.exact = exact;
      this.ulps = ulps;
    }

    /** Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.5 and 7.1.14. */
    private static double erf(double x) {
      double a = Math.abs(x);
      if (a > 6 || a == 0) {
        return Math.signum(x);
      }
      if (a > 2.5) {
        double fraction = a;
        for (int k = 100; k > 0; k--) {
          fraction = a + k / 2.0 / fraction;
        }
        return Math.signum(x) * (1 - StrictMath.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
      }
      double term = x;
      double sum = x;
      for (int k = 1; k < 80; k++) {
        term *= -x * x / k;
        sum += term / (2 * k + 1);
      }
      return 2 / Math.sqrt(Math.PI) * sum;
    }
  }

  @ParameterizedTest
  @EnumSource
  void staysWithinItsBound(Function f) {
    double worst = 0;
    float at = 0;
    for (long bits = 0; bits < 1L << 32; bits += STRIDE) {
      float x = Float.intBitsToFloat((int) bits);
      double error = Float.isNaN(x) ? 0 : error(f, x);
      if (error > worst) {
        worst = error;
        at = x;
      }
    }
    assertThat(worst).as("%s(%s) in ulp", f, at).isLessThanOrEqualTo(f.ulps);
  }

  @ParameterizedTest
  @EnumSource
  void isRightAtItsEdges(Function f) {
    float[] edges = {0, Float.MIN_VALUE, 1e-40f, Float.MIN_NORMAL, 1e-8f, 0x1p-12f, 0.34657f, 0.34658f, 0.5f,
        0.6f, 0.60000005f, 0.70710677f, 0.7071068f,
        0.92773437f, 0.9277344f, 0.99999994f, 1, 1.0000001f, 1.4142135f, 1.4142137f, 2, 3.9f, 4, 8.5f, 9.1f, 9.3f, 17,
        17.5f, 18, 40, 40.000004f, 87.3f, 88,
        88.72283f, 88.72284f, 89, 103.2f, 103.97f, 103.98f, 104, 105, 0x1p23f, 0x1p24f, 0x1p30f, 0x1.000002p30f, 1e30f,
        Float.MAX_VALUE,
        Float.POSITIVE_INFINITY};
    for (float edge : edges) {
      for (float x : new float[] {edge, -edge}) {
        assertThat(error(f, x)).as("%s(%s) in ulp", f, x).isLessThanOrEqualTo(f.ulps);
      }
    }
    assertThat(f.function.of(Float.NaN)).isNaN();
  }

  /** Infinite for a wrong special value. A result that should be just beyond the largest float may be either side of it. */
  private static double error(Function f, float x) {
    double exact = f.exact.applyAsDouble(x);
    float nearest = (float) exact;
    float got = f.function.of(x);
    if (Float.floatToIntBits(got) == Float.floatToIntBits(nearest)) {
      return Math.abs(got - exact) <= Double.MAX_VALUE ? Math.abs(got - exact) / Math.ulp(nearest) : 0;
    }
    if (exact == 0 || Float.isNaN(nearest) || Float.isNaN(got)) {
      return Double.POSITIVE_INFINITY;
    }
    double finite = Float.isInfinite(got) ? Math.signum(got) * 0x1p128 : got;
    return Math.abs(finite - exact) / Math.min(0x1p104, Math.ulp(nearest));
  }
}
