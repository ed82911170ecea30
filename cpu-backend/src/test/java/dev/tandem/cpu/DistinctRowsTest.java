package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows are alike if all their bits are, and are counted up to a limit. */
class DistinctRowsTest {
  private static final long SEED = 5;
  private static final int ROWS = 200;

  private static long address(StridedFloats o) {
    return PointwiseKernels.address(o.operand());
  }

  /** @param like by row: the row of {@code values} that it is a copy of */
  private static StridedFloats matrix(float[] values, int[] like, int columns) {
    StridedFloats m =
        StridedFloats.random(new SplittableRandom(SEED), Layout.contiguous(Shape.of(like.length, columns)));
    for (int r = 0; r < like.length; r++) {
      for (int c = 0; c < columns; c++) {
        Memory.setFloat(address(m) + 4L * (r * columns + c), values[like[r] * columns + c]);
      }
    }
    return m;
  }

  private static float[] values(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 17, 18, 19, 64})
  void everyRowFindsTheFirstThatIsLikeIt(int columns) {
    SplittableRandom random = new SplittableRandom(SEED);
    int distinct = ROWS / 4;
    float[] values = values(random, distinct * columns);
    // Rows that differ in one number only, the last, some by the sign of zero or by the bits of NaN: many share a slot of the table.
    for (int r = 1; r < distinct; r++) {
      values[columns - 1] = values[r * columns + columns - 1];
      System.arraycopy(values, 0, values, r * columns, columns);
    }
    values[columns - 1] = 0;
    values[2 * columns - 1] = -0.0f;
    values[3 * columns - 1] = Float.NaN;
    values[4 * columns - 1] = Float.intBitsToFloat(0x7fc00001);
    int[] like = new int[ROWS];
    Arrays.setAll(like, i -> i < distinct ? i : random.nextInt(distinct));
    StridedFloats m = matrix(values, like, columns);
    var rows = new DistinctRows(ROWS, columns);
    for (int i = 0; i < 2; i++) {
      assertThat(rows.find(address(m))).isTrue();
      assertThat(rows.count()).isEqualTo(distinct);
      assertThat(rows.numbers()).isEqualTo(like);
    }
    StridedFloats copy = matrix(new float[columns + 3], new int[distinct], columns + 3);
    rows.copy(address(m), address(copy), 4L * (columns + 3));
    for (int i = 0; i < distinct * columns; i++) {
      assertThat(Memory.getInt(address(copy) + 4L * (i / columns * (columns + 3) + i % columns)))
          .isEqualTo(Float.floatToRawIntBits(values[i]));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {15, 16})
  void oneTooManyIsGivenUp(int columns) {
    int distinct = ROWS / 4 + 1;
    int[] like = new int[ROWS];
    Arrays.setAll(like, i -> i % distinct);
    StridedFloats m = matrix(values(new SplittableRandom(SEED), distinct * columns), like, columns);
    var rows = new DistinctRows(ROWS, columns);
    assertThat(rows.find(address(m))).isFalse();
    Arrays.setAll(like, i -> i % (distinct - 1));
    // With few columns it is not worth the search.
    assertThat(rows.find(address(matrix(values(new SplittableRandom(SEED), distinct * columns), like, columns))))
        .isEqualTo(columns == 16);
  }
}
