package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.testing.ReferenceBackend;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SoftmaxTest {
  /** Results are fp32: half a unit in the last place is 6e-8. */
  private static final double ROUNDING = 1e-7;

  private final Device device = new Device(new ReferenceBackend());

  @Test
  void agreesWithItsFormulaAlongAnyAxis() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 4);
      int axis = random.nextInt(dims.length);
      Dense x = Dense.random(random, dims);
      Dense expected = Dense.of(dims, i -> {
        double sum = 0;
        int[] at = i.clone();
        for (int k = 0; k < dims[axis]; k++) {
          at[axis] = k;
          sum += Math.exp(x.get(at));
        }
        return Math.exp(x.get(i)) / sum;
      });
      String what = "axis " + axis + ", seed " + seed;
      expected.check(x.on(device).softmax(axis), ROUNDING, what);
      expected.check(x.stridedOn(device).softmax(axis - dims.length), ROUNDING, what);
      Dense logarithms = Dense.of(dims, i -> Math.log(expected.get(i)));
      logarithms.check(x.stridedOn(device).logSoftmax(axis), ROUNDING, what + ", logarithm");
    }
  }

  @Test
  void largeNumbersOfEitherSignDoNotOverflow() {
    Tensor x = Tensor.of(device, new float[] {1e4f, 0, -1e4f, 1e4f, 1e4f, 1e4f, -1e4f, -1e4f, -1e4f}, 3, 3);
    float third = 1 / 3f;
    assertThat(x.softmax(1).toArray()).containsExactly(1, 0, 0, third, third, third, third, third, third);
    assertThat(x.logSoftmax(1).slice(0, 0, 1).toArray()).containsExactly(0, -1e4f, -2e4f);
    assertThat(x.softmax(1).sum(1).toArray()).containsExactly(1, 1, 1);
  }

  @Test
  void anImpossibleClassHasProbabilityZero() {
    Tensor x = Tensor.of(device, new float[] {0, Float.NEGATIVE_INFINITY}, 2);
    assertThat(x.softmax(0).toArray()).containsExactly(1, 0);
    assertThat(x.logSoftmax(0).toArray()).containsExactly(0, Float.NEGATIVE_INFINITY);
  }

  @Test
  void logSoftmaxIsExactWhereSoftmaxIsNearlyZero() {
    Tensor x = Tensor.of(device, new float[] {0, -200}, 2);
    assertThat(x.softmax(0).toArray()[1]).isZero();
    assertThat(x.logSoftmax(0).toArray()[1]).isEqualTo(-200);
  }

  @Test
  void oneClassIsCertain() {
    assertThat(Tensor.of(device, new float[] {-7, 3}, 2, 1).softmax(1).toArray()).containsExactly(1, 1);
  }
}
