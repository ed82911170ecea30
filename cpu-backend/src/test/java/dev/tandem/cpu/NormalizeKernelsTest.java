package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Normalisations large enough to be shared: right, and with the same bits on any number of threads. */
class NormalizeKernelsTest {
  private static final long SEED = 31;

  /** What is normalised, and in which order its axes lie in memory. */
  private enum Case {
    SHORT_ROWS(List.of(1), new int[] {5001, 10}, new int[] {1, 10}, 0, 1),
    ROWS(List.of(1), new int[] {1003, 203}, new int[] {1, 203}, 0, 1),
    ROWS_OF_TWO_AXES(List.of(1, 2), new int[] {301, 12, 17}, new int[] {1, 12, 17}, 0, 1, 2),
    LONG_ROWS(List.of(1), new int[] {5, 30_001}, new int[] {1, 30_001}, 0, 1),
    CHANNELS_LAST(List.of(0, 2, 3), new int[] {8, 37, 21, 23}, new int[] {1, 37, 1, 1}, 0, 2, 3, 1),
    CHANNELS_FIRST(List.of(0, 2, 3), new int[] {8, 37, 21, 23}, new int[] {1, 37, 1, 1}, 0, 1, 2, 3),
    FEATURES(List.of(0), new int[] {3001, 70}, new int[] {1, 70}, 0, 1),
    GROUPS(List.of(2, 3, 4), new int[] {9, 3, 6, 17, 19}, new int[] {1, 3, 6, 1, 1}, 0, 1, 2, 3, 4),
    GROUPS_CHANNELS_LAST(List.of(2, 3, 4), new int[] {9, 3, 6, 17, 19}, new int[] {1, 3, 6, 1, 1}, 0, 3, 4, 1, 2),
    GROUPS_OF_FEW_IMAGES(List.of(2, 3, 4), new int[] {3, 4, 5, 67, 71}, new int[] {1, 4, 5, 1, 1}, 0, 3, 4, 1, 2),
    WHOLE_IMAGES_CHANNELS_LAST(List.of(1, 2, 3), new int[] {9, 18, 31, 33}, new int[] {1, 18, 1, 1}, 0, 2, 3, 1),
    INSTANCES(List.of(2, 3), new int[] {7, 11, 23, 29}, new int[] {1, 11, 1, 1}, 0, 1, 2, 3),
    INSTANCES_CHANNELS_LAST(List.of(2, 3), new int[] {10, 35, 23, 29}, new int[] {1, 35, 1, 1}, 0, 2, 3, 1);

    final List<Integer> axes;
    final int[] dims;
    final int[] weights;
    final Layout layout;

    Case(List<Integer> axes, int[] dims, int[] weights, int... order) {
      this.axes = axes;
      this.dims = dims;
      this.weights = weights;
      layout = StridedFloats.layout(Shape.of(dims), 0, 1, order);
    }
  }

  private static List<HostArray> train(Backend b, Case c, boolean affine) {
    Random random = new Random(SEED);
    Normalize op = new Normalize(c.axes, 1e-5, affine);
    HostArray x = HostRun.normal(random, 2, c.dims);
    for (long i = 0; i < x.shape().size(); i++) {
      x.set(i, x.get(i) + 3);
    }
    List<Operand> in = new ArrayList<>(List.of(HostRun.operand(b, x, c.layout)));
    if (affine) {
      in.add(HostRun.operand(b, HostRun.normal(random, 1, c.weights)));
      in.add(HostRun.operand(b, HostRun.normal(random, 1, c.weights)));
    }
    List<Operand> out = HostRun.run(b, op, in);
    Operand gradY = HostRun.operand(b, HostRun.normal(random, 1, c.dims), c.layout);
    List<Operand> all = new ArrayList<>(out);
    all.addAll(HostRun.run(b, op.gradient(), op.gradientOperands(in, out, List.of(gradY))));
    return all.stream().map(o -> HostRun.read(b, o)).toList();
  }

  private static List<HostArray> train(int threads, Case c, boolean affine) {
    try (CpuBackend b = new CpuBackend(threads)) {
      return train(b, c, affine);
    }
  }

  @ParameterizedTest
  @EnumSource
  void isRightAndTheSameOnAnyNumberOfThreads(Case c) {
    Backend oracle = new ReferenceBackend(Set.of(Normalize.class, NormalizeGrad.class));
    for (boolean affine : new boolean[] {true, false}) {
      List<HostArray> got = train(1, c, affine);
      for (int threads = 2; threads <= 3; threads++) {
        HostRun.assertSame(c + " on " + threads + " threads", train(threads, c, affine), got);
      }
      // At most 64 additions in a row are in single precision, and some operations behind them.
      HostRun.assertClose("seed " + SEED + ": " + c, got, train(oracle, c, affine), 32 * 0x1p-24);
    }
  }

  /** As of an image with a frame around it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 200})
  void aBeginningUnlikeTheRestCostsNoAccuracy(int unlike) {
    int rows = 4096;
    int channels = 16;
    HostArray x = HostRun.normal(new Random(SEED), 1, rows, channels);
    for (int i = 0; i < rows * channels; i++) {
      x.set(i, i / channels % 1024 < unlike ? 300 : x.get(i) - 300);
    }
    try (CpuBackend b = new CpuBackend(1)) {
      List<Operand> out =
          HostRun.run(b, new Normalize(List.of(0), 1e-5, false), List.of(HostRun.operand(b, x)));
      HostArray mean = HostRun.read(b, out.get(1));
      HostArray variance = HostRun.read(b, out.get(2));
      for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int r = 0; r < rows; r++) {
          sum += x.get((long) r * channels + c);
        }
        double squares = 0;
        for (int r = 0; r < rows; r++) {
          double d = x.get((long) r * channels + c) - sum / rows;
          squares += d * d;
        }
        // Rounded as float; the sums behind it have errors of some parts in 2^24 of eight times the variance.
        assertThat(mean.get(c)).isCloseTo(sum / rows, Offset.offset(2 * 0x1p-24 * 300));
        assertThat(variance.get(c)).isCloseTo(squares / rows, Offset.offset(16 * 0x1p-24 * squares / rows));
      }
    }
  }

  @Test
  void resultsKeepTheOrderOfTheImage() {
    try (CpuBackend b = new CpuBackend(1)) {
      Layout layout = StridedFloats.layout(Shape.of(2, 5, 3, 4), 0, 1, 0, 2, 3, 1);
      Operand x = HostRun.operand(b, HostRun.normal(new Random(SEED), 1, 2, 5, 3, 4), layout);
      Normalize op = new Normalize(List.of(0, 2, 3), 1e-5, false);
      List<Operand> out = HostRun.run(b, op, List.of(x));
      assertThat(out.getFirst().layout()).isEqualTo(layout);
      List<Operand> in = op.gradientOperands(List.of(x), out, List.of(x));
      assertThat(HostRun.run(b, op.gradient(), in).getFirst().layout()).isEqualTo(layout);
    }
  }
}
