package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.CumulativeSum;

/** Rows of tables: gathered, and added up where they came from. Indices are checked before anything is written. */
final class RowKernels {
  private RowKernels() {
  }

  /** {@code table [V, D], indices [N] -> [N, D]}. */
  static Runnable prepareGather(Call call, Team team) {
    Matrix table = new Matrix(call.in().get(0));
    Matrix out = new Matrix(call.out().getFirst());
    Indices indices = new Indices(call.in().get(1), table.rows);
    int rowsOfChunk = Math.max(1, Chunks.ELEMENTS / Math.max(1, out.columns));
    int chunks = (out.rows + rowsOfChunk - 1) / rowsOfChunk;
    boolean alone = Chunks.isSmall((long) out.rows * out.columns, 1);
    Team.Body copy = (worker, chunk) -> {
      int end = (int) Math.min(out.rows, (chunk + 1L) * rowsOfChunk);
      for (int n = chunk * rowsOfChunk; n < end; n++) {
        copy(table, table.row(indices.get(n)), out, out.row(n));
      }
    };
    return () -> {
      indices.check();
      Chunks.run(call, team, alone, chunks, copy);
    };
  }

  private static void copy(Matrix source, long from, Matrix target, long to) {
    int n = target.columns;
    if (source.step == source.bytes && target.step == target.bytes) {
      Memory.copy(from, to, (long) n * source.bytes);
      return;
    }
    for (int j = 0; j < n; j++) {
      switch (source.bytes) {
        case 4 -> Memory.setInt(to, Memory.getInt(from));
        case 2 -> Memory.setShort(to, Memory.getShort(from));
        default -> Memory.setByte(to, Memory.getByte(from));
      }
      from += source.step;
      to += target.step;
    }
  }

  /**
   * {@code values [N, D], indices [N] -> [rows, D]}. Every element of the result adds up its values in the order of the indices
   * whichever thread has it: threads share columns, or where those are few, rows of the result.
   */
  static Runnable prepareScatterAdd(Call call, Team team) {
    Matrix values = new Matrix(call.in().get(0));
    Matrix out = new Matrix(call.out().getFirst());
    Indices indices = new Indices(call.in().get(1), out.rows);
    boolean alone = Chunks.isSmall((long) Math.max(values.rows, out.rows) * out.columns, 1);
    int shares = alone ? 1 : team.size();
    boolean byColumns = out.columns >= 32 * shares;
    Team.Body add = (worker, share) -> {
      int all = byColumns ? out.columns : out.rows;
      int from = (int) ((long) all * share / shares);
      int to = (int) ((long) all * (share + 1) / shares);
      if (byColumns) {
        add(values, indices, out, 0, out.rows, from, to - from);
      } else {
        add(values, indices, out, from, to, 0, out.columns);
      }
    };
    return () -> {
      indices.check();
      Chunks.run(call, team, alone, shares, add);
    };
  }

  /** The part of the result in rows {@code from} to {@code to} and {@code n} columns from {@code column} on. */
  private static void add(Matrix values, Indices indices, Matrix out, int from, int to, int column, int n) {
    for (int r = from; r < to; r++) {
      long at = out.row(r) + column * out.step;
      if (out.step == Float.BYTES) {
        Memory.zero(at, (long) n * Float.BYTES);
      } else {
        for (int j = 0; j < n; j++) {
          Memory.setFloat(at + j * out.step, 0);
        }
      }
    }
    boolean vector = Lanes.AVAILABLE && values.step == Float.BYTES && out.step == Float.BYTES;
    for (int i = 0; i < values.rows; i++) {
      int r = indices.get(i);
      if (r >= from && r < to) {
        long source = values.row(i) + column * values.step;
        long target = out.row(r) + column * out.step;
        int j = vector ? VectorRows.add(source, target, n) : 0;
        for (; j < n; j++) {
          long t = target + j * out.step;
          Memory.setFloat(t, Memory.getFloat(t) + Memory.getFloat(source + j * values.step));
        }
      }
    }
  }

  static Runnable prepareCumulativeSum(CumulativeSum op, Call call, Team team) {
    return RunningSums.prepare(op, call, team);
  }

  /** A matrix in memory; strides in bytes. */
  private static final class Matrix {
    final int rows;
    final int columns;
    final int bytes;
    final long step;
    private final long address;
    private final long rowBytes;

    Matrix(Operand o) {
      rows = o.shape().dim(0);
      columns = o.shape().dim(1);
      bytes = o.dtype().bytes();
      address = PointwiseKernels.address(o);
      rowBytes = o.layout().stride(0) * bytes;
      step = o.layout().stride(1) * bytes;
    }

    long row(int r) {
      return address + r * rowBytes;
    }
  }

  /** Row numbers of a table. */
  private static final class Indices {
    private final long address;
    private final long step;
    private final int count;
    private final int rows;

    Indices(Operand o, int rows) {
      address = PointwiseKernels.address(o);
      step = o.layout().stride(0) * o.dtype().bytes();
      count = o.shape().dim(0);
      this.rows = rows;
    }

    int get(int i) {
      return Memory.getInt(address + i * step);
    }

    void check() {
      for (int i = 0; i < count; i++) {
        int index = get(i);
        if (index < 0 || index >= rows) {
          throw new IndexOutOfBoundsException(
              "index " + index + " at position " + i + " is outside a table of " + rows + " rows");
        }
      }
    }
  }
}
