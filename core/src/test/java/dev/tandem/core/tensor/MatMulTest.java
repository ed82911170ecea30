package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatMulTest {
  private final Device device = new Device(new ReferenceBackend());

  @ParameterizedTest
  @CsvSource(delimiter = '|',
      value = {"4|4", "4|4 3", "3 4|4", "3 4|4 2", "4|2 4 3", "5 3 4|4", "5 3 4|4 2", "3 4|5 4 2", "5 3 4|5 4 2",
          "5 3 4|1 4 2", "1 3 4|5 4 2", "2 1 3 4|5 4 2", "2 5 3 4|4", "2 5 3 4|4 1", "4|2 5 4 3", "2 1 3 4|1 5 4 2",
          "1 1|1 1", "1|1", "7 1|1 7",
          "2 0|0 3", "0|0", "2 3 0|0 4", "2 3 0|2 0 4", "0|3 0 2", "0 4|4 2", "3 4|4 0", "0 3 4|4 2", "0 3 4|0 4 2",
          "5 0 4|4 2", "2 3 4|4 0",
          "2 3 0|0"})
  void shapesAndValuesAreThoseOfNumPy(String first, String second) {
    SplittableRandom random = new SplittableRandom(first.hashCode() * 31L + second.hashCode());
    Dense a = Dense.random(random, dims(first));
    Dense b = Dense.random(random, dims(second));
    Dense expected = product(a, b);
    String what = first + " x " + second;
    expected.check(a.on(device).matmul(b.on(device)), what);
    expected.check(a.stridedOn(device).matmul(b.stridedOn(device)), what + ", strided");
    expected.check(a.stridedOn(device).matmul(b.on(device)), what + ", first strided");
    assertThat(a.on(device).matmul(b.on(device)).dtype()).isEqualTo(DType.F32);
  }

  @Test
  void randomBatchesBroadcast() {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] batch = Dense.randomDims(random, 0, 2);
      int depth = random.nextInt(1, 6);
      Dense a = Dense.random(random, with(Dense.broadcastable(random, batch), random.nextInt(1, 5), depth));
      Dense b = Dense.random(random, with(Dense.broadcastable(random, batch), depth, random.nextInt(1, 5)));
      String what = "seed " + seed + ": " + Arrays.toString(a.dims()) + " x " + Arrays.toString(b.dims());
      product(a, b).check(a.on(device).matmul(b.stridedOn(device)), what);
    }
  }

  @Test
  void operandsMayBeTransposedAndExpanded() {
    SplittableRandom random = new SplittableRandom(1);
    Dense a = Dense.random(random, 3, 4);
    Dense transposed = Dense.of(new int[] {4, 3}, i -> a.get(i[1], i[0]));
    product(a, transposed).check(a.on(device).matmul(a.on(device).transpose(0, 1)), "a aT");
    product(transposed, a).check(a.on(device).transpose(0, 1).matmul(a.on(device)), "aT a");
    Dense row = Dense.random(random, 1, 4);
    Dense repeated = Dense.of(new int[] {5, 4}, i -> row.get(0, i[1]));
    product(repeated, transposed).check(row.on(device).expand(5, 4).matmul(transposed.on(device)), "expanded");
  }

  @Test
  void doublesMultiplyAsDoubles() {
    double third = 1.0 / 3;
    Tensor a = Tensor.of(device, HostArray.of(new double[] {third, third}, 1, 2));
    Tensor product = a.matmul(a.transpose(0, 1));
    assertThat(product.dtype()).isEqualTo(DType.F64);
    assertThat(product.itemAsDouble()).isEqualTo(2 * third * third);
  }

  @Test
  void integersAndMixedTypesAreRefused() {
    Tensor floats = Tensor.zeros(device, 2, 2);
    Tensor integers = Tensor.of(device, new int[4], 2, 2);
    assertThatThrownBy(() -> integers.matmul(integers)).isInstanceOf(ShapeException.class)
        .hasMessageEndingWith("operands must be F32; convert with to(DType.F32)");
    assertThatThrownBy(() -> floats.matmul(floats.to(DType.BF16))).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> floats.matmul(floats.to(DType.F64))).isInstanceOf(ShapeException.class)
        .hasMessageEndingWith("operands must be F32 (or all F64); convert with to(DType.F32)");
  }

  private static int[] dims(String text) {
    return Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  private static int[] with(int[] batch, int rows, int columns) {
    int[] r = Arrays.copyOf(batch, batch.length + 2);
    r[batch.length] = rows;
    r[batch.length + 1] = columns;
    return r;
  }

  /** As numpy.matmul says: a vector gets a dimension of 1, which the result loses again. */
  private static Dense product(Dense first, Dense second) {
    Dense a = first.dims().length > 1 ? first : new Dense(new int[] {1, first.size()}, first.values());
    Dense b = second.dims().length > 1 ? second : new Dense(new int[] {second.size(), 1}, second.values());
    int[] batch = Shape.broadcast(List.of(leading(a), leading(b))).dims();
    int depth = a.dims()[a.dims().length - 1];
    int rows = a.dims()[a.dims().length - 2];
    int columns = b.dims()[b.dims().length - 1];
    Dense full = Dense.of(with(batch, rows, columns), i -> {
      double sum = 0;
      int[] at = i.clone();
      for (int k = 0; k < depth; k++) {
        at[batch.length] = i[batch.length];
        at[batch.length + 1] = k;
        double left = a.broadcast(at);
        at[batch.length] = k;
        at[batch.length + 1] = i[batch.length + 1];
        sum += left * b.broadcast(at);
      }
      return sum;
    });
    int[] dims = full.dims();
    if (second.dims().length == 1) {
      dims = Arrays.copyOf(dims, dims.length - 1);
    }
    if (first.dims().length == 1) {
      int[] without = new int[dims.length - 1];
      int gone = batch.length;
      for (int i = 0; i < without.length; i++) {
        without[i] = dims[i < gone ? i : i + 1];
      }
      dims = without;
    }
    return new Dense(dims, full.values());
  }

  private static Shape leading(Dense m) {
    return Shape.of(Arrays.copyOf(m.dims(), m.dims().length - 2));
  }
}
