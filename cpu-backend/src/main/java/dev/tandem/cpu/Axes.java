package dev.tandem.cpu;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The axes that several operands of one shape are walked along, outermost first: axes of size 1 left out, the others in the order of
 * memory, the innermost one dense for as many operands as possible, neighbours merged where all operands allow it. There is always
 * an innermost axis, of size 1 if need be. Strides are by axis and operand, in bytes, with one more operand at the end: the row-major
 * index of the element, whose strides are 0 if nobody wants it.
 */
final class Axes {
  private final long[] dims;
  private final long[][] strides;
  private final boolean[] reduced;
  private int rank;

  private Axes(int capacity) {
    dims = new long[capacity];
    strides = new long[capacity][];
    reduced = new boolean[capacity];
  }

  /**
   * The axes of {@code shape}.
   *
   * @param operands layouts of this shape; where two want different orders, the later ones count
   * @param units bytes of an element of each
   * @param voters how many of the first operands choose the innermost axis, each with as many votes as it has elements: what is
   *     dense in a row of weights matters little beside what is dense in an image
   * @param reduced axes of the shape that are not merged with others; empty for none
   * @param positions whether the row-major index is wanted
   */
  static Axes of(Shape shape, List<Layout> operands, long[] units, int voters, List<Integer> reduced,
      boolean positions) {
    int k = operands.size();
    int n = shape.rank();
    Axes axes = new Axes(n + 1);
    long position = 1;
    for (int a = n - 1; a >= 0; a--) {
      int dim = shape.dim(a);
      if (dim != 1) {
        long[] s = new long[k + 1];
        for (int o = 0; o < k; o++) {
          s[o] = operands.get(o).stride(a) * units[o];
        }
        s[k] = positions ? position : 0;
        axes.insert(dim, s, reduced.contains(a));
        position *= dim;
      }
    }
    axes.chooseInnermost(units, voters);
    axes.merge();
    if (axes.rank == 0) {
      axes.set(axes.rank++, 1, new long[k + 1], false);
    }
    return axes;
  }

  /** The one axis of operands that are all dense and in row-major order. */
  static Axes dense(long size, long[] units, boolean positions) {
    Axes axes = new Axes(1);
    long[] s = new long[units.length + 1];
    System.arraycopy(units, 0, s, 0, units.length);
    s[units.length] = positions ? 1 : 0;
    axes.set(axes.rank++, size, s, false);
    return axes;
  }

  int rank() {
    return rank;
  }

  long dim(int axis) {
    return dims[axis];
  }

  /** By operand, in bytes. */
  long[] strides(int axis) {
    return strides[axis];
  }

  boolean isReduced(int axis) {
    return reduced[axis];
  }

  /** Whether both have the same axes, whatever operands lie along them. */
  boolean isAlike(Axes other) {
    return rank == other.rank && Arrays.equals(dims, 0, rank, other.dims, 0, rank)
        && Arrays.equals(reduced, 0, rank, other.reduced, 0, rank)
        && IntStream.range(0, rank).allMatch(a -> strides[a][0] == other.strides[a][0]);
  }

  private void set(int axis, long dim, long[] stride, boolean isReduced) {
    dims[axis] = dim;
    strides[axis] = stride;
    reduced[axis] = isReduced;
  }

  private void move(int from, int to) {
    set(to, dims[from], strides[from], reduced[from]);
  }

  /** Puts an axis before all others, or further in where its strides are smaller. */
  private void insert(long dim, long[] stride, boolean isReduced) {
    int to = 0;
    while (to < rank && isInside(stride, strides[to])) {
      to++;
    }
    for (int a = rank; a > to; a--) {
      move(a - 1, a);
    }
    rank++;
    set(to, dim, stride, isReduced);
  }

  /** Whether an axis belongs inside another: the last operand with different strides along both decides. */
  private static boolean isInside(long[] stride, long[] other) {
    for (int o = stride.length - 2; o >= 0; o--) {
      if (stride[o] != 0 && other[o] != 0 && stride[o] != other[o]) {
        return stride[o] < other[o];
      }
    }
    return false;
  }

  private void chooseInnermost(long[] units, int voters) {
    int best = rank - 1;
    long most = 0;
    for (int a = rank - 1; a >= 0; a--) {
      long votes = 0;
      for (int o = 0; o < voters; o++) {
        votes += strides[a][o] == units[o] ? elements(o) : 0;
      }
      if (votes > most) {
        most = votes;
        best = a;
      }
    }
    if (best < rank - 1) {
      long dim = dims[best];
      long[] stride = strides[best];
      boolean isReduced = reduced[best];
      for (int a = best; a < rank - 1; a++) {
        move(a + 1, a);
      }
      set(rank - 1, dim, stride, isReduced);
    }
  }

  /** Elements of an operand, each counted once however often it is repeated. */
  private long elements(int operand) {
    long n = 1;
    for (int a = 0; a < rank; a++) {
      n *= strides[a][operand] == 0 ? 1 : dims[a];
    }
    return n;
  }

  private void merge() {
    int to = 0;
    for (int a = 1; a < rank; a++) {
      if (reduced[to] == reduced[a] && isMergeable(strides[to], strides[a], dims[a])) {
        set(to, dims[to] * dims[a], strides[a], reduced[a]);
      } else {
        move(a, ++to);
      }
    }
    rank = Math.min(rank, to + 1);
  }

  private static boolean isMergeable(long[] outer, long[] inner, long dim) {
    for (int o = 0; o < outer.length; o++) {
      if (outer[o] != inner[o] * dim) {
        return false;
      }
    }
    return true;
  }
}
