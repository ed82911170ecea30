package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ViewTest {
  private final Device device = new Device(new ReferenceBackend());

  @Test
  void reshapeKeepsRowMajorOrderInAnyLayout() {
    int[][] targets = {{24}, {2, 12}, {6, 4}, {1, 2, 3, 4, 1}, {4, 3, 2}, {2, 1, 12}, {-1, 4}, {3, -1}, {2, -1, 2}};
    int[][] results = {{24}, {2, 12}, {6, 4}, {1, 2, 3, 4, 1}, {4, 3, 2}, {2, 1, 12}, {6, 4}, {3, 8}, {2, 6, 2}};
    Dense x = Dense.of(new int[] {2, 3, 4}, i -> 12 * i[0] + 4 * i[1] + i[2]);
    for (int i = 0; i < targets.length; i++) {
      Dense expected = new Dense(results[i], x.values());
      expected.check(x.on(device).reshape(targets[i]), Arrays.toString(targets[i]));
      expected.check(x.stridedOn(device).reshape(targets[i]), Arrays.toString(targets[i]) + ", strided");
    }
  }

  @Test
  void reshapeOfRandomStridedViewsAgreesWithACopy() {
    for (int seed = 0; seed < 60; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = Dense.randomDims(random, 1, 4);
      Dense x = Dense.random(random, dims);
      Tensor t =
          random.nextBoolean() ? x.stridedOn(device) : x.on(device).transpose(0, -1).contiguous().transpose(0, -1);
      int axis = random.nextInt(dims.length);
      Tensor merged = t.flatten(axis);
      assertThat(merged.shape().rank()).isEqualTo(axis + 1);
      assertThat(merged.toArray()).as("seed %s", seed).isEqualTo(x.floats());
      Tensor expanded = t.unsqueeze(axis).expand(Shape.of(dims).insert(axis, 3).dims());
      assertThat(expanded.reshape(-1).toArray()).as("expanded, seed %s", seed).isEqualTo(expanded.toArray());
    }
  }

  @Test
  void reshapeIsAViewWhereStridesAllowIt() {
    Tensor x = Tensor.zeros(device, 4, 6);
    assertThat(x.reshape(2, 12).lease()).isSameAs(x.lease());
    assertThat(x.slice(0, 1, 3).reshape(12).lease()).isSameAs(x.lease());
    assertThat(x.slice(1, 0, 4).reshape(2, 2, 4).lease()).isSameAs(x.lease());
    assertThat(x.transpose(0, 1).reshape(3, 2, 4).lease()).isSameAs(x.lease());
    assertThat(x.transpose(0, 1).reshape(24).lease()).isNotSameAs(x.lease());
    assertThat(x.slice(1, 0, 4).reshape(16).lease()).isNotSameAs(x.lease());
    assertThat(x.reshape(4, 6)).isSameAs(x);
  }

  @Test
  void reshapeRefusesWhatDoesNotFit() {
    Tensor x = Tensor.zeros(device, 2, 3);
    assertThatThrownBy(() -> x.reshape(4, 2)).isInstanceOf(ShapeException.class)
        .hasMessage("reshape of [2, 3] to [4, 2] changes the number of elements from 6 to 8");
    assertThatThrownBy(() -> x.reshape(-1, 4)).isInstanceOf(ShapeException.class)
        .hasMessage("reshape of [2, 3] to [-1, 4]: no dimension fits for -1");
    assertThatThrownBy(() -> x.reshape(-1, -1)).isInstanceOf(ShapeException.class)
        .hasMessage("only one dimension can be -1");
    assertThatThrownBy(() -> x.reshape(-2, -3)).isInstanceOf(ShapeException.class)
        .hasMessage("negative dimension in [-2, -3]");
    assertThatThrownBy(() -> Tensor.zeros(device, 0, 3).reshape(0, -1)).isInstanceOf(ShapeException.class);
    assertThat(Tensor.zeros(device, 0, 3).reshape(-1, 6).shape()).isEqualTo(Shape.of(0, 6));
  }

  @Test
  void flattenMergesFromAnAxisOn() {
    Tensor x = Tensor.zeros(device, 2, 3, 4);
    assertThat(x.flatten(0).shape()).isEqualTo(Shape.of(24));
    assertThat(x.flatten(1).shape()).isEqualTo(Shape.of(2, 12));
    assertThat(x.flatten(-1)).isSameAs(x);
  }

  @Test
  void expandRepeatsWithoutACopy() {
    Tensor x = Tensor.of(device, new float[] {1, 2}, 2, 1);
    Tensor y = x.expand(3, 2, 2);
    assertThat(y.lease()).isSameAs(x.lease());
    assertThat(y.toArray()).containsExactly(1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2);
    assertThat(x.expand(2, 0).toArray()).isEmpty();
    assertThatThrownBy(() -> x.expand(3, 1)).isInstanceOf(ShapeException.class)
        .hasMessage("cannot expand [2, 1] to [3, 1]");
    assertThatThrownBy(() -> x.expand(2)).isInstanceOf(ShapeException.class);
  }

  @Test
  void permuteAndTransposeMoveAxes() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Dense x = Dense.random(random, Dense.randomDims(random, 3, 3));
      int[] d = x.dims();
      Dense.of(new int[] {d[2], d[0], d[1]}, i -> x.get(i[1], i[2], i[0])).check(x.stridedOn(device).permute(2, 0, -2),
          "permute");
      Dense.of(new int[] {d[2], d[1], d[0]}, i -> x.get(i[2], i[1], i[0])).check(x.on(device).transpose(-1, 0),
          "transpose");
      x.check(x.on(device).transpose(1, 1), "the same axis");
    }
    Tensor t = Tensor.zeros(device, 2, 3);
    assertThatThrownBy(() -> t.permute(0, 0)).isInstanceOf(ShapeException.class)
        .hasMessage("[0, 0] does not name every axis of [2, 3] once");
    assertThatThrownBy(() -> t.permute(1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> t.transpose(0, 2)).isInstanceOf(ShapeException.class);
  }

  @Test
  void slicesTakeEveryKthElementAndCountFromTheEnd() {
    for (int seed = 0; seed < 60; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int[] dims = {random.nextInt(1, 5), random.nextInt(1, 9), random.nextInt(1, 4)};
      Dense x = Dense.random(random, dims);
      int from = random.nextInt(dims[1] + 1);
      int to = random.nextInt(from, dims[1] + 1);
      int step = random.nextInt(1, 4);
      Dense expected = Dense.of(new int[] {dims[0], (to - from + step - 1) / step, dims[2]},
          i -> x.get(i[0], from + i[1] * step, i[2]));
      String what = from + ".." + to + " step " + step + ", seed " + seed;
      expected.check(x.on(device).slice(1, from, to, step), what);
      expected.check(x.stridedOn(device).slice(-2, from, to, step), what + ", strided");
      if (from < dims[1] && to < dims[1]) {
        expected.check(x.on(device).slice(1, from - dims[1], to - dims[1], step), what + ", from the end");
      }
    }
  }

  @Test
  void slicesOfSlicesAddUp() {
    Tensor x = Tensor.arange(device, 20);
    assertThat(x.slice(0, 2, 18, 3).slice(0, 1, -1, 2).toIntArray()).containsExactly(5, 11);
    assertThat(x.slice(0, -3, 20).toIntArray()).containsExactly(17, 18, 19);
    assertThat(x.slice(0, 20, 20).toIntArray()).isEmpty();
  }

  @Test
  void slicesOutsideTheTensorAreRefused() {
    Tensor x = Tensor.zeros(device, 4, 2);
    assertThatThrownBy(() -> x.slice(0, 1, 5)).isInstanceOf(ShapeException.class)
        .hasMessage("slice 1..5 step 1 of axis 0 in [4, 2]");
    assertThatThrownBy(() -> x.slice(0, 3, 1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.slice(0, -5, 2)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.slice(0, 0, 4, 0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> x.slice(2, 0, 1)).isInstanceOf(ShapeException.class);
  }

  @Test
  void selectRemovesItsAxis() {
    Dense x = Dense.of(new int[] {2, 3, 4}, i -> 12 * i[0] + 4 * i[1] + i[2]);
    Dense.of(new int[] {2, 4}, i -> x.get(i[0], 2, i[1])).check(x.stridedOn(device).select(1, 2), "select");
    Dense.of(new int[] {2, 3}, i -> x.get(i[0], i[1], 0)).check(x.on(device).select(-1, -4), "select from the end");
    assertThat(Tensor.arange(device, 3).select(0, 1).shape()).isEqualTo(Shape.of());
    assertThatThrownBy(() -> x.on(device).select(1, 3)).isInstanceOf(ShapeException.class)
        .hasMessage("select 3 of axis 1 in [2, 3, 4]");
    assertThatThrownBy(() -> x.on(device).select(1, -4)).isInstanceOf(ShapeException.class)
        .hasMessage("select -4 of axis 1 in [2, 3, 4]");
  }

  @Test
  void axesOfOneComeAndGo() {
    Dense x = Dense.of(new int[] {2, 1, 3}, i -> 3 * i[0] + i[2]);
    for (Tensor t : List.of(x.on(device), x.stridedOn(device))) {
      assertThat(t.squeeze(1).shape()).isEqualTo(Shape.of(2, 3));
      assertThat(t.squeeze(-2).toArray()).isEqualTo(x.floats());
      assertThat(t.unsqueeze(0).shape()).isEqualTo(Shape.of(1, 2, 1, 3));
      assertThat(t.unsqueeze(-1).shape()).isEqualTo(Shape.of(2, 1, 3, 1));
      assertThat(t.unsqueeze(3).toArray()).isEqualTo(x.floats());
      assertThat(t.squeeze(1).lease()).isSameAs(t.lease());
    }
    assertThatThrownBy(() -> x.on(device).squeeze(0)).isInstanceOf(ShapeException.class)
        .hasMessage("squeeze of axis 0 of [2, 1, 3], which is not 1");
    assertThatThrownBy(() -> x.on(device).unsqueeze(4)).isInstanceOf(ShapeException.class);
    assertThat(Tensor.full(device, 3).unsqueeze(0).squeeze(0).item()).isEqualTo(3);
  }

  @Test
  void contiguousCopiesOnlyWhatIsNot() {
    Dense x = Dense.random(new SplittableRandom(5), 3, 4);
    Tensor dense = x.on(device);
    assertThat(dense.contiguous()).isSameAs(dense);
    Tensor copy = x.stridedOn(device).contiguous();
    assertThat(copy.layout().isContiguous()).isTrue();
    x.check(copy, "copy");
    assertThat(dense.slice(0, 1, 3).contiguous().lease()).isSameAs(dense.lease());
  }

  @Test
  void splitGivesViewsTheLastPerhapsSmaller() {
    Dense x = Dense.random(new SplittableRandom(6), 2, 7);
    List<Tensor> parts = x.on(device).split(3, -1);
    assertThat(parts).extracting(Tensor::shape).containsExactly(Shape.of(2, 3), Shape.of(2, 3), Shape.of(2, 1));
    x.check(Tensor.concat(1, parts.toArray(Tensor[]::new)), "joined again");
    assertThat(x.on(device).split(9, 1)).hasSize(1);
    assertThatThrownBy(() -> x.on(device).split(0, 1)).isInstanceOf(ShapeException.class);
  }
}
