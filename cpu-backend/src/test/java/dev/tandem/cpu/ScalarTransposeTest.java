package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.DType;
import org.junit.jupiter.api.Test;

/** Every number arrives where it belongs, and nothing else is written. */
class ScalarTransposeTest {
  private static final int[][] SHAPES = {{1, 1}, {1, 300}, {300, 1}, {3, 3}, {10, 128}, {128, 10}, {8, 64}, {63, 65},
      {64, 144}, {70, 500}, {500, 70}, {5000, 3}, {3, 5000}, {1, 9000}};

  @Test
  void turnsRowsIntoColumns() {
    for (int[] shape : SHAPES) {
      for (int gap : new int[] {0, 3}) {
        for (int gapBehind : new int[] {0, 5}) {
          check(shape[0], shape[1], gap, gapBehind);
        }
      }
    }
  }

  /** Gaps behind the rows of the source, and of the target. */
  private static void check(int rows, int n, int gap, int gapBehind) {
    int ld = rows + gap;
    int lt = n + gapBehind;
    CpuStorage from = new CpuStorage(DType.F32, (long) n * ld);
    CpuStorage to = new CpuStorage(DType.F32, (long) rows * lt);
    for (int i = 0; i < n * ld; i++) {
      Memory.setFloat(from.address() + 4L * i, i);
    }
    for (int i = 0; i < rows * lt; i++) {
      Memory.setFloat(to.address() + 4L * i, -1);
    }
    ScalarTranspose.run(from.address(), 4L * ld, to.address(), 4L * lt, rows, n);
    for (int k = 0; k < rows; k++) {
      for (int i = 0; i < lt; i++) {
        float expected = i < n ? i * ld + k : -1;
        float got = Memory.getFloat(to.address() + 4L * (k * lt + i));
        if (got != expected) {
          assertThat(got).as("%d x %d, gaps %d and %d, row %d, column %d", rows, n, gap, gapBehind, k, i)
              .isEqualTo(expected);
        }
      }
    }
  }
}
