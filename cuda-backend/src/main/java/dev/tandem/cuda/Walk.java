package dev.tandem.cuda;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * How several operands are walked together: the dimensions that are left when those of size 1 are dropped and neighbours that lie
 * alike in every operand are made one, and the steps of each operand along them. Offsets are no part of it.
 */
final class Walk {
  private final long[] dims;
  private final long[][] strides;

  /**
   * @param dims outermost first; at least one
   * @param strides in elements, by operand and dimension
   */
  Walk(long[] dims, long[][] strides) {
    this.dims = dims;
    this.strides = strides;
  }

  /**
   * @param axes of {@code full} that are walked, outermost first
   * @param operands layouts over {@code full}
   * @param ordered whether the order of the axes matters; if not, they are put in the order of the first operand's memory
   */
  static Walk of(Shape full, List<Integer> axes, List<Layout> operands, boolean ordered) {
    List<Integer> left = new ArrayList<>(axes.stream().filter(a -> full.dim(a) != 1).toList());
    if (!ordered) {
      left.sort(Comparator.comparingLong((Integer a) -> order(operands, a)).reversed());
    }
    List<Long> dims = new ArrayList<>();
    List<long[]> steps = new ArrayList<>();
    for (int axis : left) {
      long[] step = operands.stream().mapToLong(o -> o.stride(axis)).toArray();
      int last = dims.size() - 1;
      if (last >= 0 && mergeable(steps.get(last), step, full.dim(axis))) {
        dims.set(last, dims.get(last) * full.dim(axis));
        steps.set(last, step);
      } else {
        dims.add((long) full.dim(axis));
        steps.add(step);
      }
    }
    if (dims.isEmpty()) {
      dims.add(1L);
      steps.add(new long[operands.size()]);
    }
    long[][] strides = new long[operands.size()][dims.size()];
    for (int d = 0; d < dims.size(); d++) {
      for (int k = 0; k < strides.length; k++) {
        strides[k][d] = steps.get(d)[k];
      }
    }
    return new Walk(dims.stream().mapToLong(Long::longValue).toArray(), strides);
  }

  /** By the first operand that moves along the axis. */
  private static long order(List<Layout> operands, int axis) {
    for (Layout o : operands) {
      if (o.stride(axis) != 0) {
        return o.stride(axis);
      }
    }
    return 0;
  }

  private static boolean mergeable(long[] outer, long[] inner, long dim) {
    for (int k = 0; k < outer.length; k++) {
      if (outer[k] != inner[k] * dim) {
        return false;
      }
    }
    return true;
  }

  static List<Layout> expand(List<Operand> operands, Shape full) {
    return operands.stream().map(o -> o.layout().expand(full)).toList();
  }

  int rank() {
    return dims.length;
  }

  /** Outermost first, none of size 1 unless it is the only one. */
  long[] dims() {
    return dims;
  }

  /** In elements, by operand and dimension. */
  long[][] strides() {
    return strides;
  }

  long size() {
    return Arrays.stream(dims).reduce(1, (a, b) -> a * b);
  }

  /** Of operand {@code k} along the innermost dimension. */
  long inner(int k) {
    return strides[k][rank() - 1];
  }

  /** The furthest element of any operand. */
  long reach() {
    long furthest = 0;
    for (long[] s : strides) {
      long end = 0;
      for (int d = 0; d < dims.length; d++) {
        end += Math.max(0, dims[d] - 1) * s[d];
      }
      furthest = Math.max(furthest, end);
    }
    return furthest;
  }

  /** Whether positions and offsets fit 32-bit numbers, with a margin for threads beyond the end. */
  boolean isSmall() {
    return size() < 1L << 30 && reach() < 1L << 30;
  }

  /** Parameters that {@link #arguments} gives values for, each after a comma. */
  String parameters(String prefix) {
    StringBuilder text = new StringBuilder();
    for (int d = 0; d < rank(); d++) {
      text.append(", long long ").append(prefix).append("dim").append(d);
    }
    for (int k = 0; k < strides.length; k++) {
      for (int d = 0; d < rank(); d++) {
        text.append(", long long ").append(prefix).append("step").append(k).append('_').append(d);
      }
    }
    return text.toString();
  }

  List<Long> arguments() {
    List<Long> values = new ArrayList<>();
    Arrays.stream(dims).forEach(values::add);
    for (long[] s : strides) {
      Arrays.stream(s).forEach(values::add);
    }
    return values;
  }

  /**
   * Lines that turn position {@code index}, which they use up, into the offset of each operand, {@code <prefix>at0} and on.
   *
   * @param integer the type of positions and offsets
   * @param width how many elements along the innermost dimension one position stands for
   */
  String offsets(String prefix, String integer, String index, int width, String indent) {
    StringBuilder text = new StringBuilder();
    for (int k = 0; k < strides.length; k++) {
      text.append(indent).append(integer).append(' ').append(prefix).append("at").append(k).append(" = 0;\n");
    }
    for (int d = rank() - 1; d >= 0; d--) {
      String c = prefix + "c" + d;
      String dim = "(" + integer + ")" + prefix + "dim" + d;
      if (d == rank() - 1 && width > 1) {
        dim = "((" + dim + " + " + (width - 1) + ") / " + width + ")";
      }
      String scale = d == rank() - 1 && width > 1 ? " * " + width : "";
      text.append(indent).append("const ").append(integer).append(' ').append(c).append(" = ");
      text.append(d == 0 ? index : index + " % " + dim).append(scale).append(";\n");
      if (d > 0) {
        text.append(indent).append(index).append(" /= ").append(dim).append(";\n");
      }
      for (int k = 0; k < strides.length; k++) {
        text.append(indent).append(prefix).append("at").append(k).append(" += ").append(c).append(" * (")
            .append(integer).append(')').append(prefix).append("step").append(k).append('_').append(d).append(";\n");
      }
    }
    return text.toString();
  }
}
