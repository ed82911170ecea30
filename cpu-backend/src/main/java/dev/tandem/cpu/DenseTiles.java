package dev.tandem.cpu;

import dev.tandem.core.shape.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Operands of a program whose neighbours do not follow each other in memory, brought together in dense tiles for vectors to meet. Where
 * an operand is dense across, along the rows, its tiles are transposed in registers.
 */
final class DenseTiles {
  /** Elements of a tile: those of some operands stay in the first-level cache. */
  static final int ELEMENTS = 4096;
  /**
   * Rows that are transposed at a time: as many floats as the widest vector has. Long runs of writing matter more than those of
   * reading (1024 x 1024 floats: 0.21 ms by 16 x 256, 0.42 by 64 x 64).
   */
  private static final int STRIP = 16;

  private final List<DType> types = new ArrayList<>();
  private final boolean[] chosen;
  /** Operands before this one are read, the others written. */
  private final int inputs;
  private int count;

  /** @param inputs how many of the operands are read */
  DenseTiles(List<Access> operands, int inputs) {
    this.inputs = inputs;
    chosen = new boolean[operands.size()];
    for (int k = 0; k < chosen.length; k++) {
      types.add(operands.get(k).dtype());
      chosen[k] = operands.get(k).step() == Access.Step.OTHER;
      count += chosen[k] ? 1 : 0;
    }
  }

  boolean isNeeded() {
    return count > 0;
  }

  /** How the program meets operand {@code k}, which it would otherwise as {@code a}. */
  Access access(int k, Access a) {
    return chosen[k] ? new Access(a.dtype(), Access.Step.UNIT) : a;
  }

  /** Floats of scratch memory. */
  long scratch() {
    return (long) count * ELEMENTS;
  }

  /** Columns of a tile. */
  int columns(long[] row, int n) {
    for (int k = 0; k < chosen.length; k++) {
      if (chosen[k] && row[k] == types.get(k).bytes()) {
        return Math.min(n, ELEMENTS / STRIP);
      }
    }
    return Math.min(n, ELEMENTS);
  }

  /** Sets where the operands of a tile of {@code n} columns are, and fills those that are read. */
  void gather(long[] at, long[] row, long[] step, int rows, int n, long scratch, long[] tileAt, long[] tileRow,
      long[] tileStep) {
    long tile = scratch;
    for (int k = 0; k < at.length; k++) {
      if (k >= chosen.length || !chosen[k]) {
        tileAt[k] = at[k];
        tileRow[k] = row[k];
        tileStep[k] = step[k];
        continue;
      }
      int bytes = types.get(k).bytes();
      tileAt[k] = tile;
      tileRow[k] = (long) bytes * n;
      tileStep[k] = bytes;
      if (k < inputs) {
        move(bytes, at[k], row[k], step[k], tile, tileRow[k], bytes, rows, n);
      }
      tile += (long) ELEMENTS * Float.BYTES;
    }
  }

  /** Writes results to where they belong. */
  void scatter(long[] at, long[] row, long[] step, int rows, int n, long[] tileAt, long[] tileRow, long[] tileStep) {
    for (int k = inputs; k < chosen.length; k++) {
      if (chosen[k]) {
        move(types.get(k).bytes(), tileAt[k], tileRow[k], tileStep[k], at[k], row[k], step[k], rows, n);
      }
    }
  }

  /** Copies elements of so many bytes. */
  static void move(int bytes, long from, long fromRow, long fromStep, long to, long toRow, long toStep, int rows,
      int n) {
    if (bytes == Float.BYTES) {
      if (fromRow == bytes && toStep == bytes) {
        for (int r = 0; r < rows; r += STRIP) {
          Panels.move(from + r * fromRow, fromRow, fromStep, to + r * toRow, toRow, toStep, Math.min(STRIP, rows - r),
              n,
              false);
        }
      } else if (fromStep == bytes && toRow == bytes) {
        for (int j = 0; j < n; j += STRIP) {
          Panels.move(from + j * fromStep, fromRow, fromStep, to + j * toStep, toRow, toStep, rows,
              Math.min(STRIP, n - j), false);
        }
      } else {
        Panels.move(from, fromRow, fromStep, to, toRow, toStep, rows, n, false);
      }
      return;
    }
    for (int r = 0; r < rows; r++) {
      long f = from + r * fromRow;
      long t = to + r * toRow;
      if (bytes == Short.BYTES) {
        for (int j = 0; j < n; j++) {
          Memory.setShort(t + j * toStep, Memory.getShort(f + j * fromStep));
        }
      } else {
        for (int j = 0; j < n; j++) {
          Memory.setByte(t + j * toStep, Memory.getByte(f + j * fromStep));
        }
      }
    }
  }
}
