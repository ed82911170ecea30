package dev.tandem.cpu;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.Layout;
import java.util.List;

/** Operands as row-major floats without gaps: where they lie if they lie so, else in copies one after the other. */
final class DenseOperands {
  private final List<Operand> operands;
  private final long[] offset;
  private final long bytes;
  private long copies;

  DenseOperands(List<Operand> operands) {
    this.operands = operands;
    offset = new long[operands.size()];
    long total = 0;
    for (int i = 0; i < offset.length; i++) {
      offset[i] = total;
      total += isCopied(i) ? room(operands.get(i).shape().size()) : 0;
    }
    bytes = total;
  }

  /** Bytes for so many floats and a vector that juts out. */
  static long room(long floats) {
    return (4 * floats + 2 * Memory.ALIGNMENT - 1) / Memory.ALIGNMENT * Memory.ALIGNMENT;
  }

  private boolean isCopied(int i) {
    return !operands.get(i).layout().isContiguous();
  }

  /** Bytes of all copies. */
  long bytes() {
    return bytes;
  }

  /** Says where the copies are. */
  void at(long address) {
    copies = address;
  }

  /** The address of an operand's dense form. */
  long get(int i) {
    return isCopied(i) ? copies + offset[i] : PointwiseKernels.address(operands.get(i));
  }

  /** Fills the copies. */
  void load() {
    for (int i = 0; i < offset.length; i++) {
      if (isCopied(i)) {
        move(i, true);
      }
    }
  }

  /** Writes the copies back. */
  void store() {
    for (int i = 0; i < offset.length; i++) {
      if (isCopied(i)) {
        move(i, false);
      }
    }
  }

  private void move(int i, boolean load) {
    Layout l = operands.get(i).layout();
    int rank = l.shape().rank();
    int columns = l.shape().dim(-1);
    int rows = rank > 1 ? l.shape().dim(-2) : 1;
    long matrices = rows * columns == 0 ? 0 : l.shape().size() / ((long) rows * columns);
    for (long m = 0; m < matrices; m++) {
      long element = 0;
      long rest = m;
      for (int a = rank - 3; a >= 0; a--) {
        element += rest % l.shape().dim(a) * l.stride(a);
        rest /= l.shape().dim(a);
      }
      long strided = PointwiseKernels.address(operands.get(i)) + 4 * element;
      long dense = get(i) + 4L * m * rows * columns;
      long row = rank > 1 ? 4 * l.stride(-2) : 0;
      long column = 4 * l.stride(-1);
      if (load) {
        Panels.move(strided, row, column, dense, 4L * columns, 4, rows, columns, false);
      } else {
        Panels.move(dense, 4L * columns, 4, strided, row, column, rows, columns, false);
      }
    }
  }
}
