package dev.tandem.core.shape;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Immutable dimensions, outermost first; {@code Shape.of()} is a scalar. */
public final class Shape {
  private static final Shape SCALAR = new Shape(new int[0]);

  private final int[] dims;
  private final long size;

  private Shape(int[] dims) {
    long n = 1;
    for (int d : dims) {
      if (d < 0) {
        throw new ShapeException("negative dimension in " + Arrays.toString(dims));
      }
      try {
        n = Math.multiplyExact(n, (long) d);
      } catch (ArithmeticException e) {
        throw new ShapeException("the elements of " + Arrays.toString(dims) + " cannot be counted in 64 bits");
      }
    }
    this.dims = dims;
    this.size = n;
  }

  public static Shape of(int... dims) {
    return dims.length == 0 ? SCALAR : new Shape(dims.clone());
  }

  public int rank() {
    return dims.length;
  }

  /** Dimension {@code axis}; negative axes count from the end. */
  public int dim(int axis) {
    return dims[axis(axis)];
  }

  public int[] dims() {
    return dims.clone();
  }

  /** The number of elements. */
  public long size() {
    return size;
  }

  public boolean isScalar() {
    return dims.length == 0;
  }

  /** {@code axis} counted from the front.
   *
   * @throws ShapeException if there is no such axis
   */
  public int axis(int axis) {
    if (axis < -dims.length || axis >= dims.length) {
      throw new ShapeException("axis " + axis + " of " + this + ", which has rank " + dims.length);
    }
    return axis < 0 ? axis + dims.length : axis;
  }

  /** This shape with dimension {@code axis} replaced. */
  public Shape with(int axis, int dim) {
    int[] r = dims.clone();
    r[axis(axis)] = dim;
    return new Shape(r);
  }

  /** This shape with each of {@code axes} set to 1. */
  public Shape reduced(Collection<Integer> axes) {
    int[] r = dims.clone();
    for (int a : axes) {
      r[axis(a)] = 1;
    }
    return new Shape(r);
  }

  /** This shape without {@code axes}. */
  public Shape without(Collection<Integer> axes) {
    boolean[] gone = new boolean[dims.length];
    for (int a : axes) {
      gone[axis(a)] = true;
    }
    int n = 0;
    int[] r = new int[dims.length];
    for (int i = 0; i < dims.length; i++) {
      if (!gone[i]) {
        r[n++] = dims[i];
      }
    }
    return of(Arrays.copyOf(r, n));
  }

  /** This shape with a dimension of 1 put before {@code axis}, which may be the rank. */
  public Shape insert(int axis, int dim) {
    int at = axis < 0 ? axis + dims.length + 1 : axis;
    if (at < 0 || at > dims.length) {
      throw new ShapeException("no place " + axis + " for a new axis in " + this);
    }
    int[] r = new int[dims.length + 1];
    System.arraycopy(dims, 0, r, 0, at);
    r[at] = dim;
    System.arraycopy(dims, at, r, at + 1, dims.length - at);
    return new Shape(r);
  }

  /** Whether this shape can be repeated to {@code target}: trailing dimensions equal or 1. */
  public boolean broadcastsTo(Shape target) {
    int shift = target.rank() - rank();
    if (shift < 0) {
      return false;
    }
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] != 1 && dims[i] != target.dims[i + shift]) {
        return false;
      }
    }
    return true;
  }

  /** The common shape of all under trailing-dimension broadcasting, as in NumPy.
   *
   * @throws ShapeException if two dimensions differ and neither is 1
   */
  public static Shape broadcast(List<Shape> shapes) {
    if (shapes.isEmpty()) {
      return SCALAR;
    }
    Shape first = shapes.get(0);
    boolean same = true;
    int rank = 0;
    for (Shape s : shapes) {
      rank = Math.max(rank, s.rank());
      same &= s.equals(first);
    }
    if (same) {
      return first;
    }
    int[] r = new int[rank];
    Arrays.fill(r, 1);
    for (Shape s : shapes) {
      for (int i = 0; i < s.rank(); i++) {
        int at = i + rank - s.rank();
        int d = s.dims[i];
        if (r[at] == 1) {
          r[at] = d;
        } else if (d != 1 && d != r[at]) {
          throw new ShapeException("axis " + at + " is " + r[at] + " in one operand and " + d
              + " in another; broadcasting needs equal dimensions or 1");
        }
      }
    }
    return new Shape(r);
  }

  @Override
  public boolean equals(Object o) {
    return this == o || o instanceof Shape s && Arrays.equals(dims, s.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
