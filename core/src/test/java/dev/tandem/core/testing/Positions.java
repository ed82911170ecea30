package dev.tandem.core.testing;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;

/** Row-major positions, indices and places in memory of a layout's elements. */
final class Positions {
  private Positions() {
  }

  /** Where each element lies, by row-major position. */
  static long[] addresses(Layout layout) {
    long[] r = new long[Math.toIntExact(layout.shape().size())];
    Arrays.setAll(r, p -> {
      long a = layout.offset();
      int[] at = index(layout.shape(), p);
      for (int i = 0; i < at.length; i++) {
        a += at[i] * layout.stride(i);
      }
      return a;
    });
    return r;
  }

  /** The index at a row-major position. */
  static int[] index(Shape shape, int position) {
    int[] at = new int[shape.rank()];
    int rest = position;
    for (int i = at.length - 1; i >= 0; i--) {
      at[i] = rest % shape.dim(i);
      rest /= shape.dim(i);
    }
    return at;
  }
}
