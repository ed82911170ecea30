package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sums along rows have the same bits with and without vectors, one row at a time or many, and are right. */
class RowTotalsTest {
  private static final int ROWS = RowTotals.ROWS;

  private final Random random = new Random(17);
  private final List<CpuStorage> kept = new ArrayList<>();

  private long floats(int n) {
    CpuStorage s = new CpuStorage(DType.F32, n);
    for (int i = 0; i < n; i++) {
      Memory.setFloat(s.address() + 4L * i, (float) random.nextGaussian());
    }
    kept.add(s);
    return s.address();
  }

  private static double[] all(RowTotals t, long x, long y, long weight, int rows, int n, float[] centers) {
    double[] results = new double[7 * ROWS];
    double[] first = new double[ROWS];
    double[] second = new double[ROWS];
    long row = 4L * (n + 3);
    t.sums(x, row, rows, n, first);
    System.arraycopy(first, 0, results, 0, rows);
    t.squares(x, row, rows, n, centers, first);
    System.arraycopy(first, 0, results, ROWS, rows);
    t.products(x, row, y, row, 0, rows, n, centers, first, second);
    System.arraycopy(first, 0, results, 2 * ROWS, rows);
    System.arraycopy(second, 0, results, 3 * ROWS, rows);
    t.products(x, row, y, row, weight, rows, n, centers, first, second);
    System.arraycopy(first, 0, results, 4 * ROWS, rows);
    System.arraycopy(second, 0, results, 5 * ROWS, rows);
    for (int r = 0; r < rows; r++) {
      results[6 * ROWS + r] = t.sum(x + r * row, n);
    }
    return results;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 15, 16, 17, 31, 63, 64, 65, 80, 100, 127, 384, 1000})
  void areTheSameWithAndWithoutVectors(int n) {
    long x = floats(ROWS * (n + 3));
    long y = floats(ROWS * (n + 3));
    long weight = floats(n);
    float[] centers = new float[ROWS];
    for (int r = 0; r < ROWS; r++) {
      centers[r] = (float) random.nextGaussian();
    }
    for (int rows : new int[] {1, 2, ROWS}) {
      double[] expected = all(new RowTotals(false), x, y, weight, rows, n, centers);
      assertThat(all(new RowTotals(true), x, y, weight, rows, n, centers)).isEqualTo(expected);
      for (int r = 0; r < rows; r++) {
        long at = r * 4L * (n + 3);
        double[] sums = new double[6];
        double sizes = 0;
        for (int i = 0; i < n; i++) {
          double v = Memory.getFloat(x + at + 4L * i);
          double g = Memory.getFloat(y + at + 4L * i);
          double w = Memory.getFloat(weight + 4L * i);
          double d = v - centers[r];
          double[] more = {v, d * d, g, g * d, g * w, g * w * d};
          for (int k = 0; k < sums.length; k++) {
            sums[k] += more[k];
            sizes += Math.abs(more[k]);
          }
        }
        for (int k = 0; k < sums.length; k++) {
          // A term is rounded three times, and then as often as its lane has additions.
          assertThat(expected[k * ROWS + r]).isCloseTo(sums[k], within((6 + n / 64.0) * 0x1p-24 * sizes));
        }
        assertThat(expected[6 * ROWS + r]).isEqualTo(expected[r]);
      }
    }
  }
}
