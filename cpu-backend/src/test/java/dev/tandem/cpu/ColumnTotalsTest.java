package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is done column by column has the same bits with and without vectors. That it is right is {@link NormalizeKernelsTest}'s. */
class ColumnTotalsTest {
  private static final int GAP = 3;
  /** Numbers of a column for {@link ColumnFactors}, at most. */
  private static final int NUMBERS = 4;

  private final Random random = new Random(19);
  private final List<CpuStorage> kept = new ArrayList<>();

  private long floats(int n) {
    CpuStorage s = new CpuStorage(DType.F32, n);
    for (int i = 0; i < n; i++) {
      Memory.setFloat(s.address() + 4L * i, (float) random.nextGaussian());
    }
    kept.add(s);
    return s.address();
  }

  private float[] numbers(int n) {
    float[] numbers = new float[n];
    for (int i = 0; i < n; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 17, 64, 70, 144, 259, 300})
  void areTheSameWithAndWithoutVectors(int columns) {
    for (int rows : new int[] {1, 9, 64, 150}) {
      long row = 4L * (columns + GAP);
      long x = floats(rows * (columns + GAP));
      long y = floats(rows * (columns + GAP));
      long factors = floats(NUMBERS * columns);
      float[] ofColumns = numbers(columns);
      float[] ofRows = numbers(rows);
      float[] alsoOfRows = numbers(rows);
      double[][][] sums = new double[2][7][columns + 1];
      float[][][] elements = new float[2][2][];
      for (int k = 0; k < 2; k++) {
        double[][] to = sums[k];
        ColumnTotals totals = new ColumnTotals(columns, k > 0);
        totals.add(x, row, rows, to[0], 1);
        totals.addDeviations(x, row, rows, ofColumns, to[1], to[2], 1);
        totals.addProducts(x, row, y, row, rows, ofColumns, to[3], to[4], 1);
        totals.addScaledProducts(x, row, y, row, rows, ofRows, alsoOfRows, to[5], to[6]);
        ColumnFactors f = new ColumnFactors(columns, k > 0);
        f.warmUp(WarmUp.ELEMENTS);
        f.warmUpOfGradient(WarmUp.ELEMENTS);
        long result = floats(rows * (columns + GAP));
        f.normalize(x, row, result, row, rows, factors);
        elements[k][0] = read(result, row, rows, columns);
        f.gradient(x, row, y, row, result, row, rows, factors);
        elements[k][1] = read(result, row, rows, columns);
      }
      assertThat(sums[1]).as("%d rows", rows).isDeepEqualTo(sums[0]);
      assertThat(elements[1]).as("%d rows", rows).isDeepEqualTo(elements[0]);
      // Sums of the same, by different loops.
      assertThat(sums[0][3]).isEqualTo(sums(y, row, rows, columns));
      assertThat(Arrays.copyOf(sums[0][5], columns)).isEqualTo(Arrays.copyOfRange(sums[0][3], 1, columns + 1));
    }
  }

  private static double[] sums(long address, long row, int rows, int columns) {
    double[] sums = new double[columns + 1];
    new ColumnTotals(columns, false).add(address, row, rows, sums, 1);
    return sums;
  }

  private static float[] read(long address, long row, int rows, int columns) {
    float[] all = new float[rows * columns];
    for (int i = 0; i < all.length; i++) {
      all[i] = Memory.getFloat(address + i / columns * row + 4L * (i % columns));
    }
    return all;
  }
}
