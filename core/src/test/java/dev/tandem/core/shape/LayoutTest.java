package dev.tandem.core.shape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LayoutTest {
  /** Where each element lies, row-major: what a layout means. */
  private static long[] addresses(Layout l) {
    long[] r = new long[Math.toIntExact(l.shape().size())];
    for (int p = 0; p < r.length; p++) {
      long a = l.offset();
      int rest = p;
      for (int i = l.shape().rank() - 1; i >= 0; i--) {
        a += rest % l.shape().dim(i) * l.stride(i);
        rest /= l.shape().dim(i);
      }
      r[p] = a;
    }
    return r;
  }

  @Test
  void aDenseLayoutLikeAnotherKeepsTheOrderOfItsAxes() {
    Layout image = Layout.contiguous(Shape.of(2, 3, 1, 5));
    // The second and third axes have the same stride: the one that comes first stays outside.
    assertThat(image.denseLikeThis()).isEqualTo(image);
    assertThat(image.permute(0, 3, 1, 2).denseLikeThis()).isEqualTo(image.permute(0, 3, 1, 2));
    assertThat(image.slice(3, 1, 5, 2).denseLikeThis()).isEqualTo(Layout.contiguous(Shape.of(2, 3, 1, 2)));
    assertThat(image.expand(Shape.of(4, 2, 3, 1, 5)).denseLikeThis()).isNull();
  }

  @Test
  void contiguousIsRowMajor() {
    Layout l = Layout.contiguous(Shape.of(2, 3, 4));
    assertThat(addresses(l)).containsExactly(IntStream.range(0, 24).asLongStream().toArray());
    assertThat(l.isContiguous()).isTrue();
    assertThat(l.end()).isEqualTo(24);
    assertThat(l.stride(-1)).isEqualTo(1);
  }

  @Test
  void axesOfSizeOneMayHaveAnyStride() {
    assertThat(Layout.of(Shape.of(2, 1, 3), new long[] {3, 99, 1}, 7).isContiguous()).isTrue();
    assertThat(Layout.of(Shape.of(2, 3), new long[] {4, 1}, 0).isContiguous()).isFalse();
    assertThat(Layout.of(Shape.of(2, 3), new long[] {0, 1}, 0).isContiguous()).isFalse();
    assertThat(Layout.of(Shape.of(0, 3), new long[] {5, 5}, 0).isContiguous()).isTrue();
  }

  @Test
  void endIsOneBehindTheLastElement() {
    assertThat(Layout.of(Shape.of(2, 3), new long[] {10, 2}, 5).end()).isEqualTo(20);
    assertThat(Layout.of(Shape.of(2, 0), new long[] {10, 2}, 5).end()).isZero();
    assertThat(Layout.of(Shape.of(), new long[0], 5).end()).isEqualTo(6);
  }

  @Test
  void badStridesAreRefused() {
    assertThatThrownBy(() -> Layout.of(Shape.of(2, 3), new long[] {1}, 0)).isInstanceOf(ShapeException.class)
        .hasMessage("1 strides for [2, 3]");
    assertThatThrownBy(() -> Layout.of(Shape.of(2), new long[] {-1}, 1)).isInstanceOf(ShapeException.class)
        .hasMessage("negative stride or offset");
    assertThatThrownBy(() -> Layout.of(Shape.of(2), new long[] {1}, -1)).isInstanceOf(ShapeException.class);
  }

  @Test
  void stridesAreCopied() {
    long[] strides = {3, 1};
    Layout l = Layout.of(Shape.of(2, 3), strides, 0);
    strides[0] = 100;
    assertThat(l).isEqualTo(Layout.contiguous(Shape.of(2, 3))).hasSameHashCodeAs(Layout.contiguous(Shape.of(2, 3)));
  }

  @Test
  void permuteMovesAxes() {
    Layout l = Layout.contiguous(Shape.of(2, 3, 4)).permute(2, 0, 1);
    assertThat(l).hasToString("[4, 2, 3]/[1, 12, 4]+0");
    for (int[] bad : new int[][] {{0, 1}, {0, 0, 1}, {0, 1, 3}, {-1, 0, 1}}) {
      assertThatThrownBy(() -> Layout.contiguous(Shape.of(2, 3, 4)).permute(bad)).isInstanceOf(ShapeException.class)
          .hasMessage(Arrays.toString(bad) + " does not name every axis of [2, 3, 4] once");
    }
  }

  @Test
  void sliceTakesEveryNth() {
    Layout l = Layout.contiguous(Shape.of(3, 10));
    assertThat(addresses(l.slice(1, 2, 9, 3))).containsExactly(2, 5, 8, 12, 15, 18, 22, 25, 28);
    assertThat(l.slice(-1, 2, 10, 3).shape()).isEqualTo(Shape.of(3, 3));
    assertThat(addresses(l.slice(0, 1, 3, 2))).containsExactly(10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
    assertThat(l.slice(0, 1, 1, 1).shape()).isEqualTo(Shape.of(0, 10));
    for (int[] bad : new int[][] {{-1, 3, 1}, {0, 11, 1}, {5, 4, 1}, {0, 5, 0}}) {
      assertThatThrownBy(() -> l.slice(1, bad[0], bad[1], bad[2])).isInstanceOf(ShapeException.class)
          .hasMessage("slice " + bad[0] + ".." + bad[1] + " step " + bad[2] + " of axis 1 in [3, 10]");
    }
  }

  @Test
  void expandRepeatsByStrideZero() {
    Layout l = Layout.of(Shape.of(3, 1), new long[] {2, 1}, 4).expand(Shape.of(2, 3, 4));
    assertThat(l).hasToString("[2, 3, 4]/[0, 2, 0]+4");
    assertThatThrownBy(() -> Layout.contiguous(Shape.of(3)).expand(Shape.of(3, 4))).isInstanceOf(ShapeException.class)
        .hasMessage("cannot expand [3] to [3, 4]");
  }

  @Test
  void reshapeMustKeepTheNumberOfElements() {
    assertThatThrownBy(() -> Layout.contiguous(Shape.of(2, 3)).reshape(Shape.of(4))).isInstanceOf(ShapeException.class)
        .hasMessage("reshape of [2, 3] to [4] changes the number of elements from 6 to 4");
  }

  @Test
  void reshapeOfViews() {
    Layout transposed = Layout.contiguous(Shape.of(4, 6)).permute(1, 0);
    assertThat(transposed.reshape(Shape.of(24))).isEmpty();
    assertThat(transposed.reshape(Shape.of(2, 3, 4)).orElseThrow()).hasToString("[2, 3, 4]/[3, 1, 6]+0");
    assertThat(transposed.reshape(Shape.of(6, 1, 2, 2)).map(LayoutTest::addresses).orElseThrow())
        .containsExactly(addresses(transposed));
    Layout repeated = Layout.contiguous(Shape.of(1, 5)).expand(Shape.of(3, 5));
    assertThat(repeated.reshape(Shape.of(15))).isEmpty();
    assertThat(Layout.contiguous(Shape.of(1)).expand(Shape.of(6)).reshape(Shape.of(2, 3)).orElseThrow())
        .hasToString("[2, 3]/[0, 0]+0");
    assertThat(Layout.contiguous(Shape.of(0, 3)).permute(1, 0).reshape(Shape.of(7, 0))).isPresent();
  }

  /**
   * Whether strides can describe {@code addresses} in {@code shape}, found by trying: each stride from two
   * neighbours.
   */
  private static boolean describable(long[] addresses, Shape shape) {
    long[] strides = new long[shape.rank()];
    long step = 1;
    for (int i = shape.rank() - 1; i >= 0; i--) {
      if (shape.dim(i) > 1) {
        strides[i] = addresses[(int) step] - addresses[0];
        if (strides[i] < 0) {
          return false;
        }
      }
      step *= shape.dim(i);
    }
    return Arrays.equals(addresses, addresses(Layout.of(shape, strides, addresses[0])));
  }

  @Test
  void reshapeAgreesWithBruteForce() {
    int present = 0;
    int absent = 0;
    for (long seed = 0; seed < 5000; seed++) {
      Random random = new Random(seed);
      Layout l = randomView(random);
      Shape target = randomFactors(random, (int) l.shape().size());
      long[] addresses = addresses(l);
      Optional<Layout> got = l.reshape(target);
      assertThat(got.isPresent()).as("seed %d: %s to %s", seed, l, target).isEqualTo(describable(addresses, target));
      got.ifPresent(r -> assertThat(addresses(r)).as("%s to %s", l, target).containsExactly(addresses));
      present += got.isPresent() ? 1 : 0;
      absent += got.isPresent() ? 0 : 1;
    }
    assertThat(List.of(present, absent)).as("both outcomes occur often").allMatch(n -> n > 500);
  }

  /** Permuted, sliced and repeated at random; never empty. */
  private static Layout randomView(Random random) {
    int rank = random.nextInt(5);
    int[] dims = random.ints(rank, 1, 5).toArray();
    Layout l = Layout.contiguous(Shape.of(dims));
    for (int round = random.nextInt(3); round > 0 && rank > 0; round--) {
      int axis = random.nextInt(rank);
      int d = l.shape().dim(axis);
      switch (random.nextInt(3)) {
        case 0 -> {
          List<Integer> order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
          Collections.shuffle(order, random);
          l = l.permute(order.stream().mapToInt(i -> i).toArray());
        }
        case 1 -> {
          int from = random.nextInt(d);
          l = l.slice(axis, from, random.nextInt(from + 1, d + 1), random.nextInt(1, 3));
        }
        default -> l = d == 1 ? l.expand(l.shape().with(axis, random.nextInt(1, 5))) : l;
      }
    }
    return l;
  }

  private static Shape randomFactors(Random random, int size) {
    List<Integer> factors = new ArrayList<>();
    int rest = size;
    while (rest > 1) {
      int f = random.nextInt(2, rest + 1);
      if (rest % f == 0) {
        factors.add(f);
        rest /= f;
      }
    }
    for (int ones = random.nextInt(3); ones > 0; ones--) {
      factors.add(random.nextInt(factors.size() + 1), 1);
    }
    return Shape.of(factors.stream().mapToInt(i -> i).toArray());
  }

  @Test
  void aLayoutWhoseEndWouldWrapAroundIsRefused() {
    long half = Long.MAX_VALUE / 2;
    assertThatThrownBy(() -> Layout.of(Shape.of(3, 2), new long[] {half, 1}, 0)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("reach beyond what can be addressed");
    assertThatThrownBy(() -> Layout.of(Shape.of(2), new long[] {half}, half)).isInstanceOf(ShapeException.class);
    // A dimension of 1 is never stepped along.
    assertThat(Layout.of(Shape.of(1, 2), new long[] {Long.MAX_VALUE, 1}, 0).end()).isEqualTo(2);
  }
}
