package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class MatMulKernelsTest {
  private static final Team[] TEAMS = {new Team(1), new Team(2), new Team(3)};
  private static final int[] SIZES = {1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 24, 31, 32, 33, 47, 64, 65, 100};

  @AfterAll
  static void close() {
    for (Team t : TEAMS) {
      t.close();
    }
  }

  /** Dense rows, dense columns, both with gaps, and neither. */
  private static Layout matrices(Shape shape, int kind) {
    int r = shape.rank() - 2;
    int[] rows = axes(r);
    int[] columns = axes(r);
    columns[r] = r + 1;
    columns[r + 1] = r;
    return switch (kind) {
      case 0 -> Layout.contiguous(shape);
      case 1 -> StridedFloats.layout(shape, 0, 1, columns);
      case 2 -> StridedFloats.layout(shape, 5, 1, rows);
      case 3 -> StridedFloats.layout(shape, 3, 1, columns);
      case 4 -> StridedFloats.layout(shape, 1, 3, rows);
      default -> StridedFloats.layout(shape, 0, 2, columns);
    };
  }

  private static int[] axes(int before) {
    int[] a = new int[before + 2];
    for (int i = 0; i < a.length; i++) {
      a[i] = i;
    }
    return a;
  }

  private static void check(String what, boolean accumulate, StridedFloats a, StridedFloats b, StridedFloats c) {
    int m = c.shape().dim(-2);
    int n = c.shape().dim(-1);
    int k = a.shape().dim(-1);
    float[] x = a.toArray();
    float[] y = b.toArray();
    float[] before = c.toArray();
    float[] first = null;
    for (Team team : TEAMS) {
      StridedFloats out = c.copy();
      Runnable prepared = MatMulKernels.prepare(new MatMul(accumulate),
          new Call(new MatMul(accumulate), List.of(a.operand(), b.operand()), List.of(out.operand()), null), team);
      prepared.run();
      float[] got = out.toArray();
      out.assertNothingElseWritten(what);
      if (first == null) {
        first = got;
      } else {
        assertThat(Arrays.mismatch(first, got)).as("%s: first element that differs on %d threads", what, team.size())
            .isEqualTo(-1);
      }
    }
    for (int e = 0; e < before.length; e++) {
      int j = e % n;
      int i = e / n % m;
      int batch = e / n / m;
      double sum = accumulate ? before[e] : 0;
      double scale = Math.abs(sum);
      for (int p = 0; p < k; p++) {
        double t = (double) x[(batch * m + i) * k + p] * y[(batch * k + p) * n + j];
        sum += t;
        scale += Math.abs(t);
      }
      // Each of k additions rounds once: the worst case of the sum is k half units of the sum of magnitudes.
      double error = scale * (k + 2) * 0x1p-24;
      if (!(Math.abs(first[e] - sum) <= error)) {
        assertThat((double) first[e]).as("%s at [%d, %d, %d]", what, batch, i, j).isCloseTo(sum, Offset.offset(error));
      }
    }
  }

  @Test
  void multipliesEveryPairOfSizesInEveryLayout() {
    long seed = 7;
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 900; round++) {
      int m = SIZES[random.nextInt(SIZES.length)];
      int n = SIZES[random.nextInt(SIZES.length)];
      int k = SIZES[random.nextInt(SIZES.length)];
      int batch = random.nextInt(4) == 0 ? random.nextInt(1, 6) : 0;
      int ka = random.nextInt(6);
      int kb = random.nextInt(6);
      int kc = random.nextInt(6);
      boolean accumulate = random.nextBoolean();
      String what = "seed " + seed + " round " + round + ": " + batch + " x " + m + " x " + n + " x " + k + " kinds "
          + ka + kb + kc
          + " accumulate " + accumulate;
      check(what, accumulate, StridedFloats.random(random, matrices(shape(batch, m, k), ka)),
          StridedFloats.random(random, matrices(shape(batch, k, n), kb)),
          StridedFloats.random(random, matrices(shape(batch, m, n), kc)));
    }
  }

  private static Shape shape(int batch, int rows, int columns) {
    return batch == 0 ? Shape.of(rows, columns) : Shape.of(batch, rows, columns);
  }

  /**
   * Sizes at which the blocks of k, the chunks and the packing of a spread-out operand come in, an A that every panel of B meets as a
   * whole, one as tall as a tile, and rows of A that lie far apart.
   */
  @Test
  void multipliesLargeMatrices() {
    int[][] sizes = {{300, 200, 1100}, {4200, 70, 40}, {130, 4200, 20}, {70, 150, 600}, {513, 97, 513}, {40, 300, 700},
        {11, 900, 300}, {512, 10, 300}, {1, 900, 1300}, {900, 1, 1300}, {140, 520, 1100}};
    SplittableRandom random = new SplittableRandom(8);
    for (int[] s : sizes) {
      for (int kinds = 0; kinds < 4; kinds++) {
        check(s[0] + " x " + s[1] + " x " + s[2] + " kinds " + kinds, kinds % 2 == 1,
            StridedFloats.random(random, matrices(Shape.of(s[0], s[2]), kinds / 2 == 0 ? 0 : 3)),
            StridedFloats.random(random, matrices(Shape.of(s[2], s[1]), kinds % 2 == 0 ? 0 : 3)),
            StridedFloats.random(random, matrices(Shape.of(s[0], s[1]), kinds == 3 ? 1 : 0)));
      }
    }
  }

  @Test
  void readsRepeatedOperands() {
    SplittableRandom random = new SplittableRandom(9);
    for (int round = 0; round < 60; round++) {
      int m = SIZES[random.nextInt(SIZES.length)];
      int n = SIZES[random.nextInt(SIZES.length)];
      int k = SIZES[random.nextInt(SIZES.length)];
      int batch = random.nextInt(1, 70);
      Layout a = repeated(random, m, k, batch);
      Layout b = repeated(random, k, n, batch);
      check("round " + round + " " + a + " " + b, round % 2 == 0, StridedFloats.random(random, a),
          StridedFloats.random(random, b),
          StridedFloats.random(random, matrices(Shape.of(batch, m, n), random.nextInt(3))));
    }
  }

  private static Layout repeated(SplittableRandom random, int rows, int columns, int batch) {
    Shape target = Shape.of(batch, rows, columns);
    return switch (random.nextInt(4)) {
      case 0 -> Layout.contiguous(target);
      case 1 -> Layout.contiguous(Shape.of(rows, columns)).expand(target);
      case 2 -> Layout.contiguous(Shape.of(1, columns)).expand(target);
      default -> Layout.contiguous(Shape.of(rows, 1)).expand(target);
    };
  }

  @Test
  void joinsBatchesThatShareTheRightOperand() {
    SplittableRandom random = new SplittableRandom(10);
    Shape x = Shape.of(3, 5, 4, 20);
    Shape y = Shape.of(3, 5, 20, 24);
    check("joined", false, StridedFloats.random(random, Layout.contiguous(x)),
        StridedFloats.random(random, Layout.contiguous(Shape.of(20, 24)).expand(y)),
        StridedFloats.random(random, Layout.contiguous(Shape.of(3, 5, 4, 24))));
    check("half joined", false,
        StridedFloats.random(random, Layout.contiguous(Shape.of(5, 3, 4, 20)).permute(1, 0, 2, 3)),
        StridedFloats.random(random, Layout.contiguous(Shape.of(20, 24)).expand(y)),
        StridedFloats.random(random, Layout.contiguous(Shape.of(3, 5, 4, 24))));
  }

  @Test
  void anEmptySumIsZeroOrLeavesTheOutput() {
    SplittableRandom random = new SplittableRandom(11);
    for (int m : new int[] {1, 3, 40}) {
      for (boolean accumulate : new boolean[] {false, true}) {
        for (int kinds = 0; kinds < 4; kinds++) {
          check("k = 0", accumulate, StridedFloats.random(random, matrices(Shape.of(m, 0), kinds)),
              StridedFloats.random(random, matrices(Shape.of(0, 7), kinds)),
              StridedFloats.random(random, matrices(Shape.of(m, 7), kinds)));
        }
      }
    }
    check("m = 0", false, StridedFloats.random(random, Layout.contiguous(Shape.of(0, 3))),
        StridedFloats.random(random, Layout.contiguous(Shape.of(3, 7))),
        StridedFloats.random(random, Layout.contiguous(Shape.of(0, 7))));
  }

  @Test
  void notANumberReachesExactlyItsRowAndColumn() {
    SplittableRandom random = new SplittableRandom(12);
    StridedFloats a = StridedFloats.random(random, Layout.contiguous(Shape.of(20, 40)));
    StridedFloats b = StridedFloats.random(random, Layout.contiguous(Shape.of(40, 33)));
    StridedFloats c = StridedFloats.random(random, Layout.contiguous(Shape.of(20, 33)));
    a.set(3 * 40 + 5, Float.NaN);
    b.set(7 * 33 + 32, Float.POSITIVE_INFINITY);
    MatMulKernels.prepare(new MatMul(false),
        new Call(new MatMul(false), List.of(a.operand(), b.operand()), List.of(c.operand()), null), TEAMS[0]).run();
    for (int i = 0; i < 20; i++) {
      for (int j = 0; j < 33; j++) {
        float v = c.get(i * 33 + j);
        assertThat(Float.isNaN(v)).as("[%d, %d]", i, j).isEqualTo(i == 3);
        assertThat(Float.isInfinite(v)).as("[%d, %d]", i, j).isEqualTo(j == 32 && i != 3);
      }
    }
  }

  @Test
  void aPreparedProductRunsAgainAfterLargerOnes() {
    SplittableRandom random = new SplittableRandom(13);
    StridedFloats a = StridedFloats.random(random, matrices(Shape.of(30, 70), 3));
    StridedFloats b = StridedFloats.random(random, matrices(Shape.of(70, 50), 4));
    StridedFloats c = StridedFloats.random(random, matrices(Shape.of(30, 50), 0));
    Runnable prepared = MatMulKernels.prepare(new MatMul(false),
        new Call(new MatMul(false), List.of(a.operand(), b.operand()), List.of(c.operand()), null), TEAMS[1]);
    prepared.run();
    float[] before = c.toArray();
    check("larger", false, StridedFloats.random(random, matrices(Shape.of(200, 700), 4)),
        StridedFloats.random(random, matrices(Shape.of(700, 500), 4)),
        StridedFloats.random(random, matrices(Shape.of(200, 500), 4)));
    prepared.run();
    assertThat(c.toArray()).isEqualTo(before);
  }
}
