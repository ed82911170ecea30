package dev.tandem.core.shape;

import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where the elements of a shape lie in a storage: strides and offset, in elements. Strides may be 0, never negative. */
public final class Layout {
  private final Shape shape;
  private final long[] strides;
  private final long offset;
  private final boolean contiguous;

  private Layout(Shape shape, long[] strides, long offset) {
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.contiguous = dense(shape, strides);
  }

  /** Row-major from offset 0. */
  public static Layout contiguous(Shape shape) {
    return new Layout(shape, rowMajor(shape), 0);
  }

  /** Any strides: for backends that prefer another order, such as channels last.
   *
   * @param strides one for each dimension, in elements
   */
  public static Layout of(Shape shape, long[] strides, long offset) {
    if (strides.length != shape.rank()) {
      throw new ShapeException(strides.length + " strides for " + shape);
    }
    for (long s : strides) {
      ShapeException.require(s >= 0 && offset >= 0, "negative stride or offset");
    }
    Layout made = new Layout(shape, strides.clone(), offset);
    made.requireAddressable();
    return made;
  }

  /** So that {@link #end}, by which operands are held against their memory, cannot wrap around. */
  private void requireAddressable() {
    long last = offset;
    for (int i = 0; i < strides.length; i++) {
      long extent = Math.max(0, shape.dim(i) - 1);
      if (extent > 0 && strides[i] > (Long.MAX_VALUE / Double.BYTES - last) / extent) {
        throw new ShapeException("strides " + Arrays.toString(strides) + " of " + shape + " from " + offset
            + " reach beyond what can be addressed");
      }
      last += extent * strides[i];
    }
  }

  private static long[] rowMajor(Shape shape) {
    long[] strides = new long[shape.rank()];
    long s = 1;
    for (int i = shape.rank() - 1; i >= 0; i--) {
      strides[i] = s;
      s *= Math.max(1, shape.dim(i));
    }
    return strides;
  }

  private static boolean dense(Shape shape, long[] strides) {
    long s = 1;
    for (int i = shape.rank() - 1; i >= 0; i--) {
      if (shape.dim(i) != 1 && strides[i] != s) {
        return shape.size() == 0;
      }
      s *= shape.dim(i);
    }
    return true;
  }

  public Shape shape() {
    return shape;
  }

  /** Elements between neighbours along {@code axis}; negative axes count from the end. */
  public long stride(int axis) {
    return strides[axis < 0 ? axis + strides.length : axis];
  }

  public long offset() {
    return offset;
  }

  /** Whether the elements lie row-major without gaps, at whatever offset. */
  public boolean isContiguous() {
    return contiguous;
  }

  /** A layout from offset 0 with the axes in the same order in memory and no gaps; null when elements repeat. */
  public @Nullable Layout denseLikeThis() {
    int[] order = new int[strides.length];
    // Axes are few, so each is inserted behind those of the same or a larger stride.
    for (int axis = 0; axis < order.length; axis++) {
      int at = axis;
      for (; at > 0 && strides[order[at - 1]] < strides[axis]; at--) {
        order[at] = order[at - 1];
      }
      order[at] = axis;
    }
    long[] dense = new long[strides.length];
    long s = 1;
    for (int i = order.length - 1; i >= 0; i--) {
      int axis = order[i];
      if (strides[axis] == 0 && shape.dim(axis) > 1) {
        return null;
      }
      dense[axis] = s;
      s *= Math.max(1, shape.dim(axis));
    }
    return new Layout(shape, dense, 0);
  }

  /** One more than the largest element index this layout reaches; 0 when it has no elements. */
  public long end() {
    if (shape.size() == 0) {
      return 0;
    }
    long last = offset;
    for (int i = 0; i < strides.length; i++) {
      last += (shape.dim(i) - 1) * strides[i];
    }
    return last + 1;
  }

  /** The same elements seen as {@code target}; repeated dimensions get stride 0. */
  public Layout expand(Shape target) {
    if (target.equals(shape)) {
      return this;
    }
    if (!shape.broadcastsTo(target)) {
      throw new ShapeException("cannot expand " + shape + " to " + target);
    }
    long[] s = new long[target.rank()];
    int shift = target.rank() - shape.rank();
    for (int i = 0; i < shape.rank(); i++) {
      s[i + shift] = shape.dim(i) == 1 ? 0 : strides[i];
    }
    return new Layout(target, s, offset);
  }

  /** Axis {@code i} of the result is axis {@code axes[i]} of this.
   *
   * @param axes a permutation of all axes, counted from the front
   */
  public Layout permute(int... axes) {
    boolean[] seen = new boolean[shape.rank()];
    boolean fits = axes.length == shape.rank();
    for (int a : axes) {
      fits = fits && a >= 0 && a < seen.length && !seen[a];
      if (fits) {
        seen[a] = true;
      }
    }
    ShapeException.require(fits, Arrays.toString(axes) + " does not name every axis of " + shape + " once");
    int[] d = new int[axes.length];
    long[] s = new long[axes.length];
    for (int i = 0; i < axes.length; i++) {
      d[i] = shape.dim(axes[i]);
      s[i] = strides[axes[i]];
    }
    return new Layout(Shape.of(d), s, offset);
  }

  /** Elements {@code from}, {@code from + step}, … before {@code to} along {@code axis}. */
  public Layout slice(int axis, int from, int to, int step) {
    int a = shape.axis(axis);
    if (from < 0 || to > shape.dim(a) || from > to || step < 1) {
      throw new ShapeException("slice " + from + ".." + to + " step " + step + " of axis " + axis + " in " + shape);
    }
    long[] s = strides.clone();
    s[a] = strides[a] * step;
    return new Layout(shape.with(a, (to - from + step - 1) / step), s, offset + from * strides[a]);
  }

  /** Empty when the elements do not lie so that strides can describe them as {@code target}; then a copy is needed. */
  public Optional<Layout> reshape(Shape target) {
    if (target.size() != shape.size()) {
      throw new ShapeException(
          "reshape of " + shape + " to " + target + " changes the number of elements from " + shape.size() + " to "
              + target.size());
    }
    if (contiguous) {
      return Optional.of(new Layout(target, rowMajor(target), offset));
    }
    long[] s = new long[target.rank()];
    int oldAxis = 0;
    int newAxis = 0;
    while (oldAxis < shape.rank() && newAxis < target.rank()) {
      // The shortest runs of old and new axes with the same number of elements; the old run must be mergeable.
      int oldEnd = oldAxis + 1;
      int newEnd = newAxis + 1;
      long old = shape.dim(oldAxis);
      long now = target.dim(newAxis);
      while (old != now) {
        if (old < now) {
          old *= shape.dim(oldEnd++);
        } else {
          now *= target.dim(newEnd++);
        }
      }
      long inner = 0;
      long stride = 1;
      boolean first = true;
      for (int i = oldEnd - 1; i >= oldAxis; i--) {
        if (shape.dim(i) == 1) {
          continue;
        }
        if (first) {
          inner = strides[i];
          first = false;
        } else if (strides[i] != stride) {
          return Optional.empty();
        }
        stride = strides[i] * shape.dim(i);
      }
      for (int i = newEnd - 1; i >= newAxis; i--) {
        s[i] = inner;
        inner *= target.dim(i);
      }
      oldAxis = oldEnd;
      newAxis = newEnd;
    }
    return Optional.of(new Layout(target, s, offset));
  }

  @Override
  public boolean equals(Object o) {
    return this == o
        || o instanceof Layout l && offset == l.offset && shape.equals(l.shape) && Arrays.equals(strides, l.strides);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * shape.hashCode() + Arrays.hashCode(strides)) + Long.hashCode(offset);
  }

  @Override
  public String toString() {
    return shape + "/" + Arrays.toString(strides) + "+" + offset;
  }
}
