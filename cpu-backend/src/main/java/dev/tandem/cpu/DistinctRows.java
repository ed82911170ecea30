package dev.tandem.cpu;

import java.util.Arrays;

/**
 * Which rows of a matrix are alike, bit for bit. What enters a recurrent layer often has few different rows, those of an embedding of
 * characters or one-hot ones, and what a layer computes of a row by itself it then computes once for all that are like it.
 */
final class DistinctRows {
  /** With fewer numbers in a row there is less to be saved than it takes to bring rows together. */
  private static final int LEAST_COLUMNS = 16;
  /** Rows that are like a distinct one, on average, at least. */
  private static final int LEAST_REPEATS = 4;
  /** Distinct rows at most: a sum over them is one block of {@link Gemm}. */
  private static final int MOST = Gemm.DEPTH;
  /** Odd, with its bits spread evenly: 2 to the power of 64, by the golden ratio. */
  private static final long SPREAD = 0x9E3779B97F4A7C15L;

  private final int columns;
  /** By row: the number of the distinct row that it is like. */
  private final int[] numbers;
  /** By that number: the first of the rows that are alike. */
  private final int[] firsts;
  /** A hash table: a number and 1, or 0. */
  private final int[] slots;
  private int count;

  DistinctRows(int rows, int columns) {
    this.columns = columns;
    int most = most(rows, columns);
    numbers = new int[most == 0 ? 0 : rows];
    firsts = new int[most];
    slots = new int[most == 0 ? 0 : 4 * Integer.highestOneBit(most)];
  }

  /** How many distinct rows are worth to be told from each other; 0 if the search is not worth its time. */
  static int most(int rows, int columns) {
    return columns < LEAST_COLUMNS ? 0 : Math.min(MOST, rows / LEAST_REPEATS);
  }

  /**
   * Looks at the rows of a dense matrix.
   *
   * @return whether few are distinct
   */
  boolean find(long address) {
    long row = 4L * columns;
    Arrays.fill(slots, 0);
    count = 0;
    for (int r = 0; r < numbers.length; r++) {
      long at = address + r * row;
      int slot = slot(at);
      while (slots[slot] > 0 && !alike(at, address + firsts[slots[slot] - 1] * row)) {
        slot = slot + 1 & slots.length - 1;
      }
      if (slots[slot] == 0) {
        if (count == firsts.length) {
          return false;
        }
        firsts[count++] = r;
        slots[slot] = count;
      }
      numbers[r] = slots[slot] - 1;
    }
    return count > 0;
  }

  private int slot(long row) {
    long a = 1;
    long b = 2;
    int i = 0;
    // Two chains, as each turn of one waits for its last.
    for (; i + 4 <= columns; i += 4) {
      a = Long.rotateLeft((a ^ Memory.getLong(row + 4L * i)) * SPREAD, 29);
      b = Long.rotateLeft((b ^ Memory.getLong(row + 4L * i + 8)) * SPREAD, 31);
    }
    for (; i < columns; i++) {
      a = Long.rotateLeft((a ^ Memory.getInt(row + 4L * i)) * SPREAD, 29);
    }
    return (int) ((a ^ b) * SPREAD >>> 32) & slots.length - 1;
  }

  private boolean alike(long a, long b) {
    int i = 0;
    for (; i + 2 <= columns; i += 2) {
      if (Memory.getLong(a + 4L * i) != Memory.getLong(b + 4L * i)) {
        return false;
      }
    }
    return i == columns || Memory.getInt(a + 4L * i) == Memory.getInt(b + 4L * i);
  }

  /** How many distinct rows were found. */
  int count() {
    return count;
  }

  /** For each row, the number of the distinct row that it is like. */
  int[] numbers() {
    return numbers;
  }

  /** Copies the distinct rows of the matrix at {@code from} to rows {@code toRow} bytes apart. */
  void copy(long from, long to, long toRow) {
    for (int i = 0; i < count; i++) {
      Memory.copy(from + firsts[i] * 4L * columns, to + i * toRow, 4L * columns);
    }
  }
}
