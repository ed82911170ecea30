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

class IndexingTest {
  private final Device device = new Device(new ReferenceBackend());

  @Test
  void concatPutsPartsSideBySide() {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 4);
      int axis = random.nextInt(dims.length);
      int[] other = Shape.of(dims).with(axis, random.nextInt(0, 4)).dims();
      Dense a = Dense.random(random, dims);
      Dense b = Dense.random(random, other);
      int[] full = Shape.of(dims).with(axis, 2 * dims[axis] + other[axis]).dims();
      Dense expected = Dense.of(full, i -> {
        int[] at = i.clone();
        boolean second = at[axis] >= dims[axis] && at[axis] < dims[axis] + other[axis];
        at[axis] -= at[axis] < dims[axis] ? 0 : second ? dims[axis] : dims[axis] + other[axis];
        return second ? b.get(at) : a.get(at);
      });
      Tensor result = Tensor.concat(axis - dims.length, a.on(device), b.stridedOn(device), a.stridedOn(device));
      expected.check(result, "axis " + axis + ", seed " + seed);
    }
  }

  @Test
  void concatKeepsTheDType() {
    Tensor labels = Tensor.concat(0, Tensor.of(device, new int[] {16777217}, 1), Tensor.arange(device, 2));
    assertThat(labels.dtype()).isEqualTo(DType.I32);
    assertThat(labels.toIntArray()).containsExactly(16777217, 0, 1);
    Tensor one = Tensor.ones(device, 2);
    assertThat(Tensor.concat(0, one).toArray()).containsExactly(1, 1);
    assertThatThrownBy(() -> Tensor.concat(0, one, labels)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.concat(0)).isInstanceOf(ShapeException.class).hasMessage("concat of no tensors");
  }

  @Test
  void stackAddsAnAxis() {
    Dense a = Dense.random(new SplittableRandom(1), 2, 3);
    Dense b = Dense.random(new SplittableRandom(2), 2, 3);
    for (int axis = -3; axis < 3; axis++) {
      int at = axis < 0 ? axis + 3 : axis;
      Dense expected = Dense.of(Shape.of(2, 3).insert(at, 2).dims(), i -> {
        int[] own = {i[at == 0 ? 1 : 0], i[at == 2 ? 1 : 2]};
        return (i[at] == 0 ? a : b).get(own);
      });
      expected.check(Tensor.stack(axis, a.on(device), b.stridedOn(device)), "axis " + axis);
    }
    assertThatThrownBy(() -> Tensor.stack(3, a.on(device))).isInstanceOf(ShapeException.class);
  }

  @Test
  void padPutsNumbersAroundAnAxis() {
    Dense x = Dense.random(new SplittableRandom(3), 2, 3);
    Dense expected = Dense.of(new int[] {2, 6}, i -> i[1] < 2 || i[1] == 5 ? -7 : x.get(i[0], i[1] - 2));
    expected.check(x.stridedOn(device).pad(-1, 2, 1, -7), "pad");
    Tensor dense = x.on(device);
    assertThat(dense.pad(0, 0, 0, 1)).isSameAs(dense);
    assertThatThrownBy(() -> dense.pad(0, -1, 0, 1)).isInstanceOf(ShapeException.class)
        .hasMessage("pad by -1 and 0 along axis 0 of [2, 3]; use slice to take elements away");
  }

  @Test
  void padKeepsTheDTypeAndItsNumbers() {
    Tensor labels = Tensor.of(device, new int[] {1}, 1).pad(0, 1, 1, 16777217);
    assertThat(labels.dtype()).isEqualTo(DType.I32);
    assertThat(labels.toIntArray()).containsExactly(16777217, 1, 16777217);
    assertThat(Tensor.of(device, new boolean[] {false}, 1).pad(0, 1, 0, 1).toIntArray()).containsExactly(1, 0);
    assertThat(Tensor.of(device, HostArray.of(new byte[] {3}, 1)).pad(0, 0, 1, 255).toIntArray()).containsExactly(3,
        255);
    assertThatThrownBy(() -> labels.pad(0, 1, 0, 0.5)).isInstanceOf(ShapeException.class);
  }

  @Test
  void indexSelectTakesEntriesAlongAnyAxis() {
    for (int seed = 0; seed < 30; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 4);
      int axis = random.nextInt(dims.length);
      Dense x = Dense.random(random, dims);
      Dense index = Dense.integers(random, 0, dims[axis], random.nextInt(0, 5));
      Dense expected = Dense.of(Shape.of(dims).with(axis, index.size()).dims(), i -> {
        int[] at = i.clone();
        at[axis] = (int) index.get(i[axis]);
        return x.get(at);
      });
      Tensor picked = x.stridedOn(device).indexSelect(axis - dims.length, index.integersOn(device));
      expected.check(picked, "axis " + axis + ", seed " + seed);
    }
  }

  @Test
  void indexSelectRefusesWrongIndices() {
    Tensor x = Tensor.zeros(device, 3, 2);
    assertThatThrownBy(() -> x.indexSelect(0, Tensor.of(device, new int[] {0, 3}, 2)))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("Gather of [F32[3, 2], I32[2]] on reference: index 3 at position 1 is outside the 3 rows");
    assertThatThrownBy(() -> x.indexSelect(1, Tensor.of(device, new int[] {-1}, 1)))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> x.indexSelect(0, Tensor.zeros(device, 2))).isInstanceOf(ShapeException.class)
        .hasMessageEndingWith("indices must be I32, not F32; convert with to(DType.I32)");
    assertThatThrownBy(() -> x.indexSelect(0, Tensor.of(device, new int[] {0}, 1, 1)))
        .isInstanceOf(ShapeException.class);
  }

  @Test
  void gatherPicksOneElementForEachIndex() {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Dense x = Dense.random(random, Dense.randomDims(random, 1, 4));
      int axis = random.nextInt(x.dims().length);
      Dense index = index(random, x.dims(), axis);
      Dense expected = Dense.of(index.dims(), i -> x.get(at(i, axis, index)));
      expected.check(x.stridedOn(device).gather(axis, index.integersOn(device)), "axis " + axis + ", seed " + seed);
    }
  }

  @Test
  void scatterAddAddsUpRepeatedIndices() {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Dense x = Dense.random(random, Dense.randomDims(random, 1, 4));
      int axis = random.nextInt(x.dims().length);
      Dense index = index(random, x.dims(), axis);
      Dense source = Dense.random(random, index.dims());
      Dense expected = Dense.of(x.dims(), i -> {
        double[] sum = {x.get(i)};
        Dense.of(index.dims(), k -> sum[0] += Arrays.equals(at(k, axis, index), i) ? source.get(k) : 0);
        return sum[0];
      });
      Tensor result =
          x.stridedOn(device).scatterAdd(axis - x.dims().length, index.integersOn(device), source.stridedOn(device));
      expected.check(result, "axis " + axis + ", seed " + seed);
    }
  }

  /** Any size along {@code axis}, at most that of the tensor along the others. */
  private static Dense index(SplittableRandom random, int[] dims, int axis) {
    int[] shape = dims.clone();
    for (int i = 0; i < shape.length; i++) {
      shape[i] = i == axis ? random.nextInt(0, 7) : random.nextInt(1, dims[i] + 1);
    }
    return Dense.integers(random, 0, dims[axis], shape);
  }

  private static int[] at(int[] i, int axis, Dense index) {
    int[] at = i.clone();
    at[axis] = (int) index.get(i);
    return at;
  }

  @Test
  void indicesOutsideTheirAxisAreRefusedThoughTheElementExists() {
    Tensor x = Tensor.zeros(device, 3, 2);
    for (int wrong : new int[] {2, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      Tensor index = Tensor.of(device, new int[] {0, wrong}, 1, 2);
      assertThatThrownBy(() -> x.gather(1, index)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> x.scatterAdd(1, index, Tensor.ones(device, 1, 2)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void gatherAndScatterAddRefuseShapesThatDoNotFit() {
    Tensor x = Tensor.zeros(device, 3, 2);
    for (Tensor index : List.of(Tensor.of(device, new int[2], 2), Tensor.of(device, new int[8], 4, 2),
        Tensor.zeros(device, 3, 2))) {
      assertThatThrownBy(() -> x.gather(1, index)).isInstanceOf(ShapeException.class)
          .hasMessage("gather of [3, 2] along axis 1 by " + index
              + ": the index must be I32 of the same rank, and no larger along the other axes");
    }
    Tensor index = Tensor.of(device, new int[3], 3, 1);
    assertThatThrownBy(() -> x.scatterAdd(1, index, Tensor.ones(device, 3, 2))).isInstanceOf(ShapeException.class)
        .hasMessage("scatterAdd of F32[3, 2] by index I32[3, 1]: their shapes must agree");
  }

  @Test
  void integersAreGatheredExactly() {
    Tensor x = Tensor.of(device, new int[] {16777217, 2}, 2);
    Tensor picked = x.gather(0, Tensor.of(device, new int[] {0, 0, 1}, 3));
    assertThat(picked.dtype()).isEqualTo(DType.I32);
    assertThat(picked.toIntArray()).containsExactly(16777217, 16777217, 2);
  }

  @Test
  void cumsumRunsAlongAnyAxis() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Dense x = Dense.random(random, Dense.randomDims(random, 1, 4));
      int axis = random.nextInt(x.dims().length);
      Dense expected = Dense.of(x.dims(), i -> {
        double sum = 0;
        int[] at = i.clone();
        for (at[axis] = 0; at[axis] <= i[axis]; at[axis]++) {
          sum += x.get(at);
        }
        return sum;
      });
      expected.check(x.stridedOn(device).cumsum(axis - x.dims().length), "axis " + axis + ", seed " + seed);
    }
    assertThat(Tensor.zeros(device, 0, 2).cumsum(0).shape()).isEqualTo(Shape.of(0, 2));
    assertThatThrownBy(() -> Tensor.arange(device, 3).cumsum(0)).isInstanceOf(ShapeException.class);
  }
}
