package dev.tandem.cpu;

import dev.tandem.core.op.Reduce;
import java.util.Arrays;

/**
 * How values are brought together, whole rows of them or column by column. What has come together is a double: it holds any float and
 * any int exactly, and sums of partial sums in it lose nothing that matters.
 */
abstract class Fold {
  /** Rows whose columns are added in single precision. */
  static final int SUMMED_ROWS = 64;
  /** Floats that are copied to an array at once. */
  private static final int COPIED = 4096;
  /** Rows that are folded at once where nothing is lost by it. */
  private static final int MOST_ROWS = 1024;

  /** What one thread has brought together so far, for some results side by side. */
  static final class Accumulator {
    /** As many results side by side as are ever wanted. */
    static final int COLUMNS = 1024;

    final double[] value;
    /** Where along the reduced axis the value stood; sums of ints; what stands for extremes of a block. */
    final int[] position;
    /** Partial results of one block. */
    final float[] partial;
    private final RowTotals totals;
    /** Of some rows. */
    private final double[] sums = new double[RowTotals.ROWS];

    /** @param vector whether vector instructions may be used */
    Accumulator(int columns, boolean vector) {
      totals = new RowTotals(vector);
      value = new double[columns];
      position = new int[columns];
      partial = new float[columns];
    }
  }

  /** The result for no values. */
  abstract double start();

  /** Folds {@code n} dense values into column 0. {@code position} is that of the first along the reduced axis. */
  abstract void row(Accumulator a, long address, int n, int position);

  /**
   * Folds rows of {@code n} dense values into column 0, one after the other.
   *
   * @param position that of the first row's first value along the reduced axis, and {@code step} from row to row
   */
  void row(Accumulator a, long address, long rowBytes, int rows, int n, int position, int step) {
    for (int r = 0; r < rows; r++) {
      row(a, address + r * rowBytes, n, position + r * step);
    }
  }

  /** The results of rows that have one each, {@link RowTotals#ROWS} at most, to {@code results}. */
  void rows(Accumulator a, long address, long rowBytes, int rows, int n, double[] results) {
    for (int r = 0; r < rows; r++) {
      clear(a, 1);
      row(a, address + r * rowBytes, n, 0);
      results[r] = result(a, 0);
    }
  }

  /** Of how many rows the columns are folded at once, at most. */
  int mostRows() {
    return MOST_ROWS;
  }

  /** Folds the columns of {@code rows} dense rows; {@code position} is that of the first row along the reduced axis. */
  abstract void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position);

  /** Two results of neighbouring parts as one. */
  abstract double combine(double a, double b);

  /** The first {@code n} of {@code values} and those from {@code from} on, of neighbouring parts, as one. */
  void combine(double[] values, int n, int from) {
    for (int i = 0; i < n; i++) {
      values[i] = combine(values[i], values[from + i]);
    }
  }

  /** What is wanted of a column. */
  double result(Accumulator a, int column) {
    return a.value[column];
  }

  final void clear(Accumulator a, int columns) {
    for (int j = 0; j < columns; j++) {
      a.value[j] = start();
      a.position[j] = 0;
    }
  }

  /**
   * The fold of a kind of reduction.
   *
   * @param floats whether values are floats, else ints
   * @param vector whether vector instructions may be used
   */
  static Fold of(Reduce.Kind kind, boolean floats, boolean vector) {
    boolean lanes = vector && VectorFolds.FITS;
    boolean max = kind == Reduce.Kind.MAX || kind == Reduce.Kind.ARGMAX;
    return switch (kind) {
      case SUM -> floats ? new FloatSum(lanes) : new IntSum(vector);
      case MAX, MIN -> floats ? new FloatExtreme(max, lanes) : new IntExtreme(max);
      case ARGMAX, ARGMIN ->
          new Position(floats ? new FloatExtreme(max, lanes) : new IntExtreme(max), floats, max, lanes);
    };
  }

  /**
   * A row is summed by {@link RowTotals}, a column of a block from the first row to the last in single precision.
   */
  private static final class FloatSum extends Fold {
    private final boolean vector;

    FloatSum(boolean vector) {
      this.vector = vector;
    }

    @Override
    double start() {
      return 0;
    }

    @Override
    void row(Accumulator a, long address, int n, int position) {
      a.value[0] += a.totals.sum(address, n);
    }

    /** Nothing of one row has to wait for what becomes of the one before. */
    @Override
    void row(Accumulator a, long address, long rowBytes, int rows, int n, int position, int step) {
      for (int r = 0; r < rows; r += RowTotals.ROWS) {
        int some = Math.min(RowTotals.ROWS, rows - r);
        a.totals.sums(address + r * rowBytes, rowBytes, some, n, a.sums);
        for (int i = 0; i < some; i++) {
          a.value[0] += a.sums[i];
        }
      }
    }

    @Override
    int mostRows() {
      return SUMMED_ROWS;
    }

    @Override
    void rows(Accumulator a, long address, long rowBytes, int rows, int n, double[] results) {
      a.totals.sums(address, rowBytes, rows, n, results);
    }

    @Override
    void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      float[] sums = a.partial;
      boolean byVector = vector && VectorFolds.sumsColumns(rows, n);
      int whole = byVector ? VectorFolds.sumColumns(address, rowBytes, rows, n, sums) : 0;
      if (whole < n) {
        sumColumns(address, rowBytes, rows, whole, n, sums);
      }
      for (int j = 0; j < n; j++) {
        a.value[j] += sums[j];
      }
    }

    /** The columns from {@code first} on, in an array: numbers one by one take long until C2 has compiled the loop. */
    private static void sumColumns(long address, long rowBytes, int rows, int first, int n, float[] sums) {
      Arrays.fill(sums, first, n, 0);
      // Of rows without gaps all columns.
      boolean dense = rowBytes == 4L * n;
      int from = dense ? 0 : first;
      int width = n - from;
      int most = Math.max(1, COPIED / width);
      float[] values = Workspace.array(Workspace.Slot.ROWS, Math.max(COPIED, width));
      for (int r = 0; r < rows; r += most) {
        int some = Math.min(most, rows - r);
        for (int i = 0; i < (dense ? 1 : some); i++) {
          Memory.getFloats(address + (r + i) * rowBytes + 4L * from, values, i * width, dense ? some * width : width);
        }
        for (int i = 0; i < some; i++) {
          add(values, i * width + first - from, sums, first, n - first);
        }
      }
    }

    private static void add(float[] values, int from, float[] sums, int to, int n) {
      for (int j = 0; j < n; j++) {
        sums[to + j] += values[from + j];
      }
    }

    @Override
    double combine(double a, double b) {
      return a + b;
    }

    /** A loop that C2 makes vectors of. */
    @Override
    void combine(double[] values, int n, int from) {
      for (int i = 0; i < n; i++) {
        values[i] += values[from + i];
      }
    }
  }

  /** In any order: the largest of several floats does not depend on it, nor whether one is NaN. */
  private static final class FloatExtreme extends Fold {
    private final boolean max;
    private final boolean vector;

    FloatExtreme(boolean max, boolean vector) {
      this.max = max;
      this.vector = vector;
    }

    @Override
    double start() {
      return max ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }

    @Override
    void row(Accumulator a, long address, int n, int position) {
      int whole = vector ? n - n % VectorFolds.WIDTH : 0;
      float v = (float) a.value[0];
      if (whole > 0) {
        v = of(v, VectorFolds.extreme(address, whole, max));
      }
      for (int i = whole; i < n; i++) {
        v = of(v, Memory.getFloat(address + 4L * i));
      }
      a.value[0] = v;
    }

    @Override
    void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      int whole = vector ? VectorFolds.extremeColumns(address, rowBytes, rows, n, max, a.position) : 0;
      for (int j = 0; j < whole; j++) {
        a.value[j] = combine(a.value[j], VectorFolds.extreme(a.position[j], max));
      }
      for (int r = 0; r < rows && whole < n; r++) {
        for (int j = whole; j < n; j++) {
          a.value[j] = combine(a.value[j], Memory.getFloat(address + r * rowBytes + 4L * j));
        }
      }
    }

    private float of(float a, float b) {
      return max ? Math.max(a, b) : Math.min(a, b);
    }

    @Override
    double combine(double a, double b) {
      return max ? Math.max(a, b) : Math.min(a, b);
    }
  }

  /** Wraps as ints do. */
  private static final class IntSum extends Fold {
    private final boolean vector;

    IntSum(boolean vector) {
      this.vector = vector;
    }

    @Override
    double start() {
      return 0;
    }

    @Override
    void row(Accumulator a, long address, int n, int position) {
      int whole = vector ? n - n % VectorFolds.WIDTH : 0;
      int sum = whole > 0 ? VectorPositions.sum(address, whole) : 0;
      for (int i = whole; i < n; i++) {
        sum += Memory.getInt(address + 4L * i);
      }
      a.value[0] = combine(a.value[0], sum);
    }

    @Override
    void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      int[] sums = a.position;
      for (int j = 0; j < n; j++) {
        sums[j] = (int) a.value[j];
      }
      int whole = vector ? VectorPositions.sumColumns(address, rowBytes, rows, n, sums) : 0;
      for (int r = 0; r < rows && whole < n; r++) {
        for (int j = whole; j < n; j++) {
          sums[j] += Memory.getInt(address + r * rowBytes + 4L * j);
        }
      }
      for (int j = 0; j < n; j++) {
        a.value[j] = sums[j];
      }
    }

    @Override
    double combine(double a, double b) {
      return (int) a + (int) b;
    }
  }

  private static final class IntExtreme extends Fold {
    private final boolean max;

    IntExtreme(boolean max) {
      this.max = max;
    }

    @Override
    double start() {
      return max ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }

    @Override
    void row(Accumulator a, long address, int n, int position) {
      double v = a.value[0];
      for (int i = 0; i < n; i++) {
        v = combine(v, Memory.getInt(address + 4L * i));
      }
      a.value[0] = v;
    }

    @Override
    void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      for (int r = 0; r < rows; r++) {
        for (int j = 0; j < n; j++) {
          a.value[j] = combine(a.value[j], Memory.getInt(address + r * rowBytes + 4L * j));
        }
      }
    }

    @Override
    double combine(double a, double b) {
      return max ? Math.max(a, b) : Math.min(a, b);
    }
  }

  /** Where the first extreme stands; NaN is more extreme than any number. */
  private static final class Position extends Fold {
    private final Fold extreme;
    private final boolean floats;
    private final boolean max;
    private final boolean vector;

    Position(Fold extreme, boolean floats, boolean max, boolean vector) {
      this.vector = vector && floats;
      this.extreme = extreme;
      this.floats = floats;
      this.max = max;
    }

    /** An infinity that no other equal one is beyond, so that position 0 stands for a row of those. */
    @Override
    double start() {
      return extreme.start();
    }

    /** The extreme first, by vectors, then where it is. */
    @Override
    void row(Accumulator a, long address, int n, int position) {
      double before = a.value[0];
      extreme.row(a, address, n, position);
      if (isBeyond(a.value[0], before)) {
        int i = vector ? VectorPositions.find(address, n, (float) a.value[0]) : 0;
        while (isBeyond(a.value[0], value(address + 4L * i))) {
          i++;
        }
        a.position[0] = position + i;
      }
    }

    @Override
    void columns(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      int whole = vector ? vectors(a, address, rowBytes, rows, n, position) : 0;
      for (int r = 0; r < rows && whole < n; r++) {
        for (int j = whole; j < n; j++) {
          double v = value(address + r * rowBytes + 4L * j);
          if (isBeyond(v, a.value[j])) {
            a.value[j] = v;
            a.position[j] = position + r;
          }
        }
      }
    }

    private int vectors(Accumulator a, long address, long rowBytes, int rows, int n, int position) {
      int whole = n - n % VectorFolds.WIDTH;
      for (int j = 0; j < whole; j++) {
        a.partial[j] = (float) a.value[j];
      }
      VectorPositions.columns(address, rowBytes, rows, whole, max, a.partial, a.position, position);
      for (int j = 0; j < whole; j++) {
        a.value[j] = a.partial[j];
      }
      return whole;
    }

    private double value(long address) {
      return floats ? Memory.getFloat(address) : Memory.getInt(address);
    }

    private boolean isBeyond(double v, double other) {
      return Double.isNaN(v) ? !Double.isNaN(other) : max ? v > other : v < other;
    }

    @Override
    double combine(double a, double b) {
      throw new IllegalStateException("positions are found in one part");
    }

    @Override
    double result(Accumulator a, int column) {
      return a.position[column];
    }
  }
}
