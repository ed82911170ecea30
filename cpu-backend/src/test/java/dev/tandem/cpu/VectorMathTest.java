package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumMap;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every lane has the bits of {@link ScalarMath}; a NaN may be any NaN. */
class VectorMathTest {
  private static final int STRIDE = 2003;
  private static final int BLOCK = 1 << 12;

  interface VectorFunction {
    FloatVector of(FloatVector x);
  }

  private static final Map<ScalarMathTest.Function, VectorFunction> FUNCTIONS = new EnumMap<>(Map.of(
      ScalarMathTest.Function.EXP, VectorMath::exp,
      ScalarMathTest.Function.EXPM1, VectorMath::expm1,
      ScalarMathTest.Function.LOG, VectorMath::log,
      ScalarMathTest.Function.LOG1P, VectorMath::log1p,
      ScalarMathTest.Function.TANH, VectorMath::tanh,
      ScalarMathTest.Function.SIGMOID, VectorMath::sigmoid,
      ScalarMathTest.Function.ERF, VectorMath::erf,
      ScalarMathTest.Function.FLOOR, VectorMath::floor));

  @ParameterizedTest
  @EnumSource(ScalarMathTest.Function.class)
  void hasTheBitsOfTheScalarFunction(ScalarMathTest.Function f) {
    VectorFunction vector = FUNCTIONS.get(f);
    float[] x = new float[BLOCK];
    float[] y = new float[BLOCK];
    for (long bits = 0; bits < 1L << 32; bits += (long) STRIDE * BLOCK) {
      for (int i = 0; i < BLOCK; i++) {
        x[i] = Float.intBitsToFloat((int) (bits + (long) i * STRIDE));
      }
      for (int i = 0; i < BLOCK; i += FloatLanes.COUNT) {
        vector.of(FloatVector.fromArray(FloatLanes.SPECIES, x, i)).intoArray(y, i);
      }
      for (int i = 0; i < BLOCK; i++) {
        if (Float.floatToIntBits(y[i]) != Float.floatToIntBits(f.function.of(x[i]))) {
          assertThat(y[i]).as("%s(%s)", f, x[i]).isEqualTo(f.function.of(x[i]));
        }
      }
    }
  }
}
