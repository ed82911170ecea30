package dev.tandem.core.shape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class ShapeTest {
  @Test
  void sizeAndRank() {
    assertThat(Shape.of(2, 3, 4).size()).isEqualTo(24);
    assertThat(Shape.of().size()).isEqualTo(1);
    assertThat(Shape.of().isScalar()).isTrue();
    assertThat(Shape.of(1).isScalar()).isFalse();
    assertThat(Shape.of(3, 0).size()).isZero();
    assertThat(Shape.of(1 << 20, 1 << 20).size()).isEqualTo(1L << 40);
  }

  @Test
  void dimensionsAreCopied() {
    int[] dims = {2, 3};
    Shape s = Shape.of(dims);
    dims[0] = 9;
    s.dims()[1] = 9;
    assertThat(s).isEqualTo(Shape.of(2, 3)).hasSameHashCodeAs(Shape.of(2, 3)).isNotEqualTo(Shape.of(3, 2))
        .hasToString("[2, 3]");
  }

  @Test
  void negativeDimensionsAndTooManyElementsAreRefused() {
    assertThatThrownBy(() -> Shape.of(2, -1)).isInstanceOf(ShapeException.class)
        .hasMessage("negative dimension in [2, -1]");
    assertThatThrownBy(() -> Shape.of(1 << 30, 1 << 30, 1 << 30)).isInstanceOf(ShapeException.class)
        .hasMessage("the elements of [1073741824, 1073741824, 1073741824] cannot be counted in 64 bits");
  }

  @Test
  void axesCountFromEitherEnd() {
    Shape s = Shape.of(2, 3, 4);
    assertThat(s.dim(-1)).isEqualTo(4);
    assertThat(s.dim(0)).isEqualTo(2);
    assertThat(s.axis(-3)).isZero();
    assertThatThrownBy(() -> s.axis(3)).isInstanceOf(ShapeException.class)
        .hasMessage("axis 3 of [2, 3, 4], which has rank 3");
    assertThatThrownBy(() -> s.axis(-4)).isInstanceOf(ShapeException.class)
        .hasMessage("axis -4 of [2, 3, 4], which has rank 3");
    assertThatThrownBy(() -> Shape.of().axis(0)).isInstanceOf(ShapeException.class)
        .hasMessage("axis 0 of [], which has rank 0");
  }

  @Test
  void changedShapes() {
    Shape s = Shape.of(2, 3, 4);
    assertThat(s.with(-2, 7)).isEqualTo(Shape.of(2, 7, 4));
    assertThat(s.reduced(List.of(0, -1))).isEqualTo(Shape.of(1, 3, 1));
    assertThat(s.without(List.of(0, -1))).isEqualTo(Shape.of(3));
    assertThat(s.without(List.of(0, 1, 2))).isEqualTo(Shape.of());
    assertThat(s.insert(0, 1)).isEqualTo(Shape.of(1, 2, 3, 4));
    assertThat(s.insert(3, 1)).isEqualTo(Shape.of(2, 3, 4, 1));
    assertThat(s.insert(-1, 5)).isEqualTo(Shape.of(2, 3, 4, 5));
    assertThat(s.insert(-4, 5)).isEqualTo(Shape.of(5, 2, 3, 4));
    assertThatThrownBy(() -> s.insert(4, 1)).isInstanceOf(ShapeException.class)
        .hasMessage("no place 4 for a new axis in [2, 3, 4]");
  }

  @Test
  void broadcastingFollowsTrailingAxes() {
    assertThat(Shape.broadcast(List.of())).isEqualTo(Shape.of());
    assertThat(Shape.broadcast(List.of(Shape.of(3, 1), Shape.of(4)))).isEqualTo(Shape.of(3, 4));
    assertThat(Shape.broadcast(List.of(Shape.of(), Shape.of(2, 3), Shape.of(1, 1, 1)))).isEqualTo(Shape.of(1, 2, 3));
    assertThat(Shape.broadcast(List.of(Shape.of(0, 3), Shape.of(1, 3)))).isEqualTo(Shape.of(0, 3));
    assertThat(Shape.broadcast(List.of(Shape.of(1), Shape.of(0)))).isEqualTo(Shape.of(0));
  }

  @Test
  void dimensionsThatDifferDoNotBroadcast() {
    assertThatThrownBy(() -> Shape.broadcast(List.of(Shape.of(2, 3), Shape.of(4, 1, 5))))
        .isInstanceOf(ShapeException.class)
        .hasMessage("axis 2 is 3 in one operand and 5 in another; broadcasting needs equal dimensions or 1");
    assertThatThrownBy(() -> Shape.broadcast(List.of(Shape.of(0), Shape.of(2)))).isInstanceOf(ShapeException.class);
  }

  @Test
  void broadcastsTo() {
    assertThat(Shape.of(3, 1).broadcastsTo(Shape.of(2, 3, 4))).isTrue();
    assertThat(Shape.of().broadcastsTo(Shape.of(2))).isTrue();
    assertThat(Shape.of(2).broadcastsTo(Shape.of())).isFalse();
    assertThat(Shape.of(2, 3).broadcastsTo(Shape.of(3, 3))).isFalse();
    assertThat(Shape.of(1).broadcastsTo(Shape.of(0))).isTrue();
  }

  @Test
  void specsAreWrittenShortly() {
    assertThat(new Spec(Shape.of(2, 8), DType.BF16)).hasToString("BF16[2, 8]").extracting(Spec::bytes).isEqualTo(32L);
  }
}
