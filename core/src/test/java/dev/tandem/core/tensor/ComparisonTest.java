package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.DType;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ComparisonTest {
  private static final float NAN = Float.NaN;
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  private final Device device = new Device(new ReferenceBackend());

  private interface Relation {
    boolean holds(double a, double b);
  }

  record Comparison(String name, BinaryOperator<Tensor> tensors, BiFunction<Tensor, Double, Tensor> number,
      Relation relation) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Comparison> comparisons() {
    return Stream.of(new Comparison("less", Tensor::less, Tensor::less, (a, b) -> a < b),
        new Comparison("lessEqual", Tensor::lessEqual, Tensor::lessEqual, (a, b) -> a <= b),
        new Comparison("greater", Tensor::greater, Tensor::greater, (a, b) -> a > b),
        new Comparison("greaterEqual", Tensor::greaterEqual, Tensor::greaterEqual, (a, b) -> a >= b),
        new Comparison("equalTo", Tensor::equalTo, Tensor::equalTo, (a, b) -> a == b),
        new Comparison("notEqualTo", Tensor::notEqualTo, Tensor::notEqualTo, (a, b) -> a != b));
  }

  @ParameterizedTest
  @MethodSource("comparisons")
  void comparesAsJavaDoesNanIncluded(Comparison c) {
    float[] values = {-INFINITY, -1, -0.0f, 0, 1, 2.5f, INFINITY, NAN};
    int n = values.length;
    Tensor a = Tensor.of(device, values, n, 1);
    Tensor b = Tensor.of(device, values, n);
    Dense expected = Dense.of(new int[] {n, n}, i -> c.relation.holds(values[i[0]], values[i[1]]) ? 1 : 0);
    Tensor result = c.tensors.apply(a, b);
    assertThat(result.dtype()).isEqualTo(DType.BOOL);
    expected.check(result, c.name);
    for (int j = 0; j < n; j++) {
      float number = values[j];
      Dense column = Dense.of(new int[] {n, 1}, i -> c.relation.holds(values[i[0]], number) ? 1 : 0);
      column.check(c.number.apply(a, (double) number), c.name + " " + number);
    }
  }

  @ParameterizedTest
  @MethodSource("comparisons")
  void comparesIntegersExactly(Comparison c) {
    int[] values = {Integer.MIN_VALUE, -1, 0, 16777216, 16777217, Integer.MAX_VALUE};
    int n = values.length;
    Tensor a = Tensor.of(device, values, n, 1);
    Dense expected = Dense.of(new int[] {n, n}, i -> c.relation.holds(values[i[0]], values[i[1]]) ? 1 : 0);
    expected.check(c.tensors.apply(a, Tensor.of(device, values, n)), c.name);
    for (int number : values) {
      Dense column = Dense.of(new int[] {n, 1}, i -> c.relation.holds(values[i[0]], number) ? 1 : 0);
      column.check(c.number.apply(a, (double) number), c.name + " " + number);
    }
  }

  @ParameterizedTest
  @MethodSource("comparisons")
  void broadcastsStridedOperands(Comparison c) {
    for (int seed = 0; seed < 10; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 3);
      Dense a = Dense.integers(random, 0, 3, dims);
      Dense b = Dense.integers(random, 0, 3, Dense.broadcastable(random, dims));
      Dense expected = Dense.of(dims, i -> c.relation.holds(a.get(i), b.broadcast(i)) ? 1 : 0);
      expected.check(c.tensors.apply(a.stridedOn(device), b.stridedOn(device)), c.name + ", seed " + seed);
    }
  }

  @Test
  void truthValuesCombine() {
    Tensor a = Tensor.of(device, new boolean[] {false, true}, 2, 1);
    Tensor b = Tensor.of(device, new boolean[] {false, true}, 2);
    assertThat(a.and(b).toIntArray()).containsExactly(0, 0, 0, 1);
    assertThat(a.or(b).toIntArray()).containsExactly(0, 1, 1, 1);
    assertThat(a.not().toIntArray()).containsExactly(1, 0);
    assertThat(a.equalTo(b).toIntArray()).containsExactly(1, 0, 0, 1);
    assertThat(a.notEqualTo(b).toIntArray()).containsExactly(0, 1, 1, 0);
    for (Tensor t : List.of(a.and(b), a.or(b), a.not(), a.equalTo(b))) {
      assertThat(t.dtype()).isEqualTo(DType.BOOL);
    }
  }
}
