package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReductionTest {
  /** Results are fp32, and 1/n is rounded to fp32 as a launch argument: two halves of a unit in the last place. */
  private static final double ROUNDING = 2e-7;

  private final Device device = new Device(new ReferenceBackend());

  record Reduction(String name, BiFunction<Tensor, int[], Tensor> op, boolean keepsDims,
      ToDoubleFunction<List<Double>> expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Reduction> reductions() {
    return Stream.of(new Reduction("sum", Tensor::sum, false, v -> statistics(v).getSum()),
        new Reduction("sumKeepDims", Tensor::sumKeepDims, true, v -> statistics(v).getSum()),
        new Reduction("mean", Tensor::mean, false, v -> statistics(v).getAverage()),
        new Reduction("meanKeepDims", Tensor::meanKeepDims, true, v -> statistics(v).getAverage()),
        new Reduction("max", Tensor::max, false, v -> statistics(v).getMax()),
        new Reduction("maxKeepDims", Tensor::maxKeepDims, true, v -> statistics(v).getMax()),
        new Reduction("min", Tensor::min, false, v -> statistics(v).getMin()),
        new Reduction("minKeepDims", Tensor::minKeepDims, true, v -> statistics(v).getMin()),
        new Reduction("variance", Tensor::variance, false, ReductionTest::variance));
  }

  private static DoubleSummaryStatistics statistics(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).summaryStatistics();
  }

  private static double variance(List<Double> values) {
    double mean = statistics(values).getAverage();
    return values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum() / values.size();
  }

  @ParameterizedTest
  @MethodSource("reductions")
  void reducesAnyAxesOfAnyLayout(Reduction c) {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 0, 4);
      Dense x = Dense.random(random, dims);
      boolean[] reduced = new boolean[dims.length];
      int[] named = new int[dims.length];
      int count = 0;
      for (int a = 0; a < dims.length; a++) {
        if (random.nextBoolean()) {
          reduced[a] = true;
          named[count++] = random.nextBoolean() ? a : a - dims.length;
        }
      }
      int[] axes = Arrays.copyOf(named, count);
      if (count == 0) {
        Arrays.fill(reduced, true);
      }
      Dense expected = reduced(x, reduced, c.keepsDims, c.expected);
      String what = c + ", seed " + seed + ": axes " + Arrays.toString(axes) + " of " + Arrays.toString(dims);
      expected.check(c.op.apply(x.on(device), axes), ROUNDING, what);
      expected.check(c.op.apply(x.stridedOn(device), axes), ROUNDING, what + ", strided");
    }
  }

  /** Collects the elements of each result and reduces them. */
  private static Dense reduced(Dense x, boolean[] reduced, boolean keepDims, ToDoubleFunction<List<Double>> f) {
    Map<List<Integer>, List<Double>> groups = new HashMap<>();
    Dense.of(x.dims(), i -> {
      groups.computeIfAbsent(kept(i, reduced, keepDims), k -> new ArrayList<>()).add(x.get(i));
      return 0;
    });
    Shape shape = Shape.of(x.dims());
    List<Integer> axes = IntStream.range(0, reduced.length).filter(a -> reduced[a]).boxed().toList();
    int[] dims = (keepDims ? shape.reduced(axes) : shape.without(axes)).dims();
    return Dense.of(dims, i -> f.applyAsDouble(groups.get(Arrays.stream(i).boxed().toList())));
  }

  private static List<Integer> kept(int[] index, boolean[] reduced, boolean keepDims) {
    List<Integer> list = new ArrayList<>();
    for (int a = 0; a < index.length; a++) {
      if (!reduced[a] || keepDims) {
        list.add(reduced[a] ? 0 : index[a]);
      }
    }
    return list;
  }

  @Test
  void positionsAreOfTheFirstExtremeAndNanIsExtreme() {
    Tensor x = Tensor.of(device, new float[] {1, 3, 3, -1, -1, 2, Float.NaN, 9, Float.NaN}, 3, 3);
    assertThat(x.argmax(1).toIntArray()).containsExactly(1, 2, 0);
    assertThat(x.argmin(1).toIntArray()).containsExactly(0, 0, 0);
    assertThat(x.argmax(0).toIntArray()).containsExactly(2, 2, 2);
    assertThat(x.argmax(-1).dtype()).isEqualTo(DType.I32);
    assertThat(x.argmax(0).shape()).isEqualTo(Shape.of(3));
    assertThat(Tensor.of(device, new int[] {4, 7, 7}, 3).argmax(0).item()).isEqualTo(1);
  }

  @Test
  void positionsAgreeWithASearch() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 3, 3);
      Dense x = Dense.integers(random, 0, 3, dims);
      Dense expected = Dense.of(new int[] {dims[0], dims[2]}, i -> {
        int best = 0;
        for (int k = 1; k < dims[1]; k++) {
          best = x.get(i[0], k, i[1]) > x.get(i[0], best, i[1]) ? k : best;
        }
        return best;
      });
      expected.check(x.stridedOn(device).argmax(-2), "seed " + seed);
    }
  }

  @Test
  void nanGoesThroughReductions() {
    Tensor x = Tensor.of(device, new float[] {1, Float.NaN, 3}, 3);
    assertThat(List.of(x.max().item(), x.min().item(), x.sum().item())).containsOnly(Float.NaN);
  }

  @Test
  void integersAreSummedExactlyAndWrap() {
    Tensor x = Tensor.of(device, new int[] {16777217, 16777217, Integer.MAX_VALUE, 1}, 2, 2);
    assertThat(x.sum(1).dtype()).isEqualTo(DType.I32);
    assertThat(x.sum(1).toIntArray()).containsExactly(33554434, Integer.MIN_VALUE);
    assertThat(x.max().toIntArray()).containsExactly(Integer.MAX_VALUE);
    assertThat(x.min(0).toIntArray()).containsExactly(16777217, 1);
    assertThat(Tensor.of(device, HostArray.of(new byte[] {-1, -1, 2}, 3)).sum().toIntArray()).containsExactly(512);
  }

  @Test
  void aPrologueIsComputedOverTheCommonShape() {
    Program product = Program.of(2, Expr.input(0).mul(Expr.input(1)).mul(Expr.argument(0)));
    Tensor a = Tensor.of(device, new float[] {1, 2, 3}, 3, 1);
    Tensor b = Tensor.of(device, new float[] {10, 20}, 2);
    Tensor sum = Tensor.sumOf(List.of(0), product, Launch.of(0.5), a, b);
    assertThat(sum.shape()).isEqualTo(Shape.of(1, 2));
    assertThat(sum.toArray()).containsExactly(30, 60);
  }

  @Test
  void nothingSumsToZeroAndHasNoMean() {
    Tensor x = Tensor.zeros(device, 0, 3);
    assertThat(x.sum(0).toArray()).containsExactly(0, 0, 0);
    assertThat(x.sum().item()).isZero();
    assertThat(x.mean(1).shape()).isEqualTo(Shape.of(0));
    assertThat(x.max(1).shape()).isEqualTo(Shape.of(0));
    assertThatThrownBy(() -> x.mean(0)).isInstanceOf(ShapeException.class)
        .hasMessage("there is no mean of no elements: axes [0] of F32[0, 3]");
    assertThatThrownBy(x::variance).isInstanceOf(ShapeException.class)
        .hasMessageContaining("no variance of no elements");
    assertThatThrownBy(x::max).isInstanceOf(ShapeException.class)
        .hasMessage("max of [F32[0, 3]] on reference: there is no max of no elements: axes [0, 1] of [0, 3]");
  }

  @Test
  void aScalarReducesToItself() {
    Tensor x = Tensor.full(device, 5);
    assertThat(List.of(x.sum().item(), x.mean().item(), x.max().item())).containsOnly(5f);
    assertThat(x.variance().item()).isZero();
  }

  @Test
  void axesThatAreWrongAreRefused() {
    Tensor x = Tensor.zeros(device, 2, 3);
    assertThatThrownBy(() -> x.sum(2)).isInstanceOf(ShapeException.class)
        .hasMessage("axis 2 of [2, 3], which has rank 2");
    assertThatThrownBy(() -> x.mean(-3)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.mean(0, -2)).isInstanceOf(ShapeException.class)
        .hasMessage("axis -2 of [2, 3] is named twice");
  }

  @Test
  void truthValuesAreNotSummedSilently() {
    Tensor x = Tensor.of(device, new boolean[] {true, false, true}, 3);
    assertThatThrownBy(x::sum).isInstanceOf(ShapeException.class)
        .hasMessage("sum of BOOL[3]; convert it with to(DType.I32)");
    assertThat(x.to(DType.I32).sum().item()).isEqualTo(2);
  }
}
