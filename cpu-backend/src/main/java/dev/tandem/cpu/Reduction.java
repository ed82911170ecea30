package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.shape.DType;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A reduction, prepared. The innermost axis decides how it is done: if it is reduced, whole rows are folded into one result; if it is
 * kept, rows are folded column by column into a row of results. The prologue fills a block of rows in scratch memory, which is then
 * folded while it is in the cache; where the prologue is the identity of dense values they are folded where they lie.
 *
 * <p>Results are divided into chunks and, where there are few, the values of each into parts, whose results are combined in order.
 * How, follows from the shape alone, so that sums have the same bits however many threads there are.
 */
final class Reduction implements Runnable, Team.Body {
  /** Values of a block of the prologue, and of a row that is folded at once. */
  private static final int BLOCK = 4096;
  /** Parts of columns have a multiple of so many rows, which are added in single precision. */
  private static final int ROWS = Fold.SUMMED_ROWS;
  /** Values of a chunk, at least, and how many chunks are enough. */
  private static final long CHUNK = Chunks.ELEMENTS;
  private static final int ENOUGH = 32;
  /** Values whose sums take longer without vectors than it takes to wait for these once. */
  private static final long LONG_WORK = 1 << 24;

  private final Call call;
  private final Team team;
  private final Axes axes;
  private final Fold fold;
  private final boolean isRow;
  /** Outer axes. */
  private final int[] kept;
  private final int[] reduced;
  private final long results;
  private final long rows;
  private final long columns;
  private final long[] base;
  private final long[] step;
  /** The operand that is the result. */
  private final int out;
  private final DType type;
  private final boolean isDirect;
  private final PointwiseRunner prologue;
  /** What makes the values where they lie, just before they are folded, or nothing. */
  private final @Nullable PointwiseRunner producer;
  /** Bytes between rows of each operand, with the result's replaced by that of the block. */
  private final long[] rowBytes;
  private final long[] blockStep;
  /** Those of what makes the values. */
  private final long[] madeRow;
  private final long[] madeStep;
  /** Whether rows follow each other without gaps in every operand: then a block is one long row to its prologue. */
  private final boolean isDense;
  /** Outer results of a chunk. */
  private final long chunkResults;
  /** Blocks of columns, for folds of columns. */
  private final int columnBlocks;
  /** Parts of the values of a result, and the rows (or pieces of one long row) of a part. */
  private final int parts;
  private final long partRows;
  private final int pieces;
  private final int chunks;
  private final boolean alone;
  private final boolean isVector;
  private final double[] partial;
  private final Worker[] workers;

  private final class Worker {
    final long[] at = new long[base.length];
    final Fold.Accumulator accumulator =
        new Fold.Accumulator(isRow ? 1 : (int) Math.min(columns, Fold.Accumulator.COLUMNS), isVector);
    final PointwiseRunner.Worker runner = prologue.worker();
    final double[] results = new double[RowTotals.ROWS];
    final PointwiseRunner.@Nullable Worker maker = producer == null ? null : producer.worker();
    /** Where the operands of what makes the values are: its inputs, then the values. */
    final long[] made = new long[base.length];
    long scratch;
    long result;
  }

  Reduction(Reduce op, Axes axes, DType computed, Call call, Team team, boolean vector) {
    this(op, axes, computed, call, null, team, vector);
  }

  /**
   * @param made what makes the values, if that is to be done here. Then the call's inputs are the values and behind them
   *     the inputs of that, all of one shape.
   */
  Reduction(Reduce op, Axes axes, DType computed, Call call, @Nullable Pointwise made, Team team, boolean vector) {
    this.call = call;
    this.team = team;
    this.axes = axes;
    isVector = vector;
    fold = Fold.of(op.kind(), computed == DType.F32, vector);
    int inner = axes.rank() - 1;
    isRow = axes.isReduced(inner);
    columns = axes.dim(inner);
    step = axes.strides(inner);
    kept = outer(axes, false);
    reduced = outer(axes, true);
    results = count(kept);
    rows = count(reduced);
    out = call.in().size();
    type = call.out().getFirst().dtype();
    base = new long[out + 2];
    List<Access> accesses = new ArrayList<>();
    for (int k = 0; k < out; k++) {
      Operand o = call.in().get(k);
      base[k] = PointwiseKernels.address(o);
      accesses.add(columns == 1 ? new Access(o.dtype(), Access.Step.UNIT) : Access.of(o.dtype(), step[k]));
    }
    base[out] = PointwiseKernels.address(call.out().getFirst());
    isDirect = op.prologue().isIdentity() && accesses.getFirst().equals(new Access(computed, Access.Step.UNIT));
    producer = made == null ? null : new PointwiseRunner(made.program(), rotated(accesses), made.launch(), vector);
    List<Access> read = new ArrayList<>(accesses.subList(0, made == null ? out : 1));
    read.add(new Access(computed, Access.Step.UNIT));
    prologue = new PointwiseRunner(op.prologue(), List.copyOf(read), op.launch(), vector);
    int rowAxis =
        reduced.length > 0 ? reduced[reduced.length - 1] : isRow && kept.length > 0 ? kept[kept.length - 1] : -1;
    rowBytes = rowAxis < 0 ? new long[out + 2] : axes.strides(rowAxis).clone();
    madeRow = rotated(rowBytes, new long[out + 2]);
    madeStep = rotated(step, new long[out + 2]);
    blockStep = step.clone();
    blockStep[out] = computed.bytes();
    isDense = isDense();
    columnBlocks = isRow ? 1 : Math.toIntExact((columns + Fold.Accumulator.COLUMNS - 1) / Fold.Accumulator.COLUMNS);
    pieces = isRow ? Math.toIntExact((columns + BLOCK - 1) / BLOCK) : 1;
    rowBytes[out] = computed.bytes() * (isRow ? Math.min(columns, BLOCK) : Math.min(columns, Fold.Accumulator.COLUMNS));
    long folded = rows * columns;
    if (isRow && rows == 1 && pieces == 1) {
      chunkResults = Math.max(1, CHUNK / columns);
    } else {
      chunkResults = 1;
    }
    long whole = (results + chunkResults - 1) / chunkResults * columnBlocks;
    long wanted =
        op.kind().isPosition() || whole >= ENOUGH ? 1 : Math.min(ENOUGH / whole, folded / columnBlocks / CHUNK);
    long units = rows * pieces;
    // Parts of columns end where blocks of rows do.
    long grain = isRow ? 1 : ROWS;
    long each = (units + Math.max(1, wanted) - 1) / Math.max(1, wanted);
    partRows = (each + grain - 1) / grain * grain;
    parts = Math.toIntExact((units + partRows - 1) / partRows);
    chunks = Math.toIntExact(whole * parts);
    partial = parts == 1 ? new double[0] : new double[Math.toIntExact(results * (isRow ? 1 : columns) * parts)];
    if (results * folded >= WarmUp.ELEMENTS) {
      if (!isDirect) {
        prologue.warmUp(results * folded);
      }
      if (producer != null) {
        producer.warmUp(results * folded);
      }
      if (vector && computed == DType.F32 && op.kind() == Reduce.Kind.SUM) {
        WarmUp sums = isRow ? VectorTotals.WARM_UP_OF_SUMS : VectorFolds.warmUpOfSums(columns);
        sums.prepare(results * folded >= LONG_WORK);
      }
    }
    alone = Chunks.isSmall(results * folded, PointwiseKernels.weight(op.prologue()));
    workers = new Worker[alone || chunks == 1 ? 1 : team.size()];
    for (int w = 0; w < workers.length; w++) {
      workers[w] = new Worker();
    }
  }

  /** The first one last: what is made is an output. */
  private static List<Access> rotated(List<Access> accesses) {
    List<Access> list = new ArrayList<>(accesses.subList(1, accesses.size()));
    list.add(accesses.getFirst());
    return List.copyOf(list);
  }

  /** The first {@code out} of {@code from}, the first one last. */
  private long[] rotated(long[] from, long[] to) {
    System.arraycopy(from, 1, to, 0, out - 1);
    to[out - 1] = from[0];
    return to;
  }

  private boolean isDense() {
    for (int k = 0; k < base.length; k++) {
      if (k != out && rowBytes[k] != columns * step[k]) {
        return false;
      }
    }
    return true;
  }

  private static int[] outer(Axes axes, boolean isReduced) {
    List<Integer> list = new ArrayList<>();
    for (int a = 0; a < axes.rank() - 1; a++) {
      if (axes.isReduced(a) == isReduced) {
        list.add(a);
      }
    }
    return list.stream().mapToInt(a -> a).toArray();
  }

  private long count(int[] list) {
    long n = 1;
    for (int a : list) {
      n *= axes.dim(a);
    }
    return n;
  }

  @Override
  public void run() {
    try {
      Chunks.run(call, team, alone, chunks, this);
      if (parts > 1) {
        combine();
      }
    } finally {
      Reference.reachabilityFence(call);
    }
  }

  @Override
  public void run(int worker, int chunk) {
    Worker w = workers[worker];
    w.scratch = Workspace.floats(Workspace.Slot.ROWS,
        prologue.scratch() + BLOCK + (producer == null ? 0 : producer.scratch()));
    int part = chunk % parts;
    long rest = chunk / parts;
    long first = partRows * part;
    long end = Math.min(rows * pieces, first + partRows);
    if (!isRow) {
      columns(w, rest / columnBlocks, rest % columnBlocks * Fold.Accumulator.COLUMNS, first, end, part);
    } else if (rows == 1 && pieces == 1) {
      rowsOfResults(w, rest * chunkResults, Math.min(results, (rest + 1) * chunkResults));
    } else {
      rowsOfOne(w, rest, first, end, part);
    }
  }

  /** Many results, of one short row each. */
  private void rowsOfResults(Worker w, long from, long to) {
    int most = isDirect && w.maker == null ? Math.max(RowTotals.ROWS, blockRows(columns)) : blockRows(columns);
    long m = from;
    while (m < to) {
      start(w);
      long along = add(w.at, kept, m);
      long inLast = kept.length == 0 ? 1 : axes.dim(kept[kept.length - 1]) - along;
      int n = (int) Math.min(Math.min(to - m, inLast), most);
      long result = w.at[out];
      long block = block(w, n, (int) columns);
      long resultStep = kept.length == 0 ? 0 : axes.strides(kept[kept.length - 1])[out];
      for (int r = 0; r < n; r += RowTotals.ROWS) {
        int some = Math.min(RowTotals.ROWS, n - r);
        fold.rows(w.accumulator, block + r * blockRowBytes(), blockRowBytes(), some, (int) columns, w.results);
        for (int i = 0; i < some; i++) {
          store(result, w.results[i]);
          result += resultStep;
        }
      }
      m += n;
    }
  }

  /** Some rows of one result, or some pieces of its long rows. */
  private void rowsOfOne(Worker w, long m, long first, long end, int part) {
    int most = blockRows(columns);
    fold.clear(w.accumulator, 1);
    long unit = first;
    while (unit < end) {
      start(w);
      add(w.at, kept, m);
      w.result = w.at[out];
      long along = add(w.at, reduced, unit / pieces);
      int n = 1;
      int length = (int) Math.min(columns, BLOCK);
      int position = 0;
      long apart = blockRowBytes();
      if (pieces > 1) {
        long column = unit % pieces * BLOCK;
        length = (int) Math.min(BLOCK, columns - column);
        addColumns(w.at, column);
        position = (int) column;
        if (isDirect && w.maker == null) {
          // Whole pieces, which lie one behind the other.
          n = (int) Math.clamp(Math.min(end - unit, (columns - column) / BLOCK), 1, RowTotals.ROWS);
          apart = BLOCK * step[0];
        }
      } else {
        n = (int) Math.min(Math.min(end - unit, axes.dim(reduced[reduced.length - 1]) - along), most);
      }
      long block = block(w, n, length);
      fold.row(w.accumulator, block, apart, n, length, position, pieces > 1 ? BLOCK : 0);
      unit += n;
    }
    finish(w, m, 0, 1, part);
  }

  private void columns(Worker w, long m, long column, long first, long end, int part) {
    int n = (int) Math.min(columns - column, Fold.Accumulator.COLUMNS);
    int most = isDirect ? fold.mostRows()
        : Math.min(fold.mostRows(), blockRows(Math.min(columns, Fold.Accumulator.COLUMNS)));
    fold.clear(w.accumulator, n);
    long r = first;
    while (r < end) {
      start(w);
      add(w.at, kept, m);
      addColumns(w.at, column);
      w.result = w.at[out];
      long along = add(w.at, reduced, r);
      int count = (int) Math.min(Math.min(end - r, axes.dim(reduced[reduced.length - 1]) - along), most);
      long block = block(w, count, n);
      fold.columns(w.accumulator, block, blockRowBytes(), count, n, (int) r);
      r += count;
    }
    finish(w, m, column, n, part);
  }

  private static int blockRows(long columns) {
    return (int) Math.max(1, BLOCK / columns);
  }

  private void start(Worker w) {
    System.arraycopy(base, 0, w.at, 0, base.length);
  }

  /** Moves {@code at} to index {@code i}, counted over some axes; gives the index along the last of them. */
  private long add(long[] at, int[] list, long i) {
    long along = 0;
    for (int a = list.length - 1; a >= 0; a--) {
      long index = i % axes.dim(list[a]);
      i /= axes.dim(list[a]);
      if (a == list.length - 1) {
        along = index;
      }
      long[] s = axes.strides(list[a]);
      for (int k = 0; k < at.length; k++) {
        at[k] += index * s[k];
      }
    }
    return along;
  }

  private void addColumns(long[] at, long n) {
    for (int k = 0; k < at.length; k++) {
      at[k] += n * step[k];
    }
  }

  /** The address of {@code n} rows of prologue values at the worker's place. */
  private long block(Worker w, int n, int length) {
    if (w.maker != null) {
      w.maker.run(rotated(w.at, w.made), madeRow, madeStep, n, length, w.scratch);
    }
    if (isDirect) {
      return w.at[0];
    }
    long block = w.scratch + prologue.scratch() * Float.BYTES;
    w.at[out] = block;
    if (isDense && length == columns) {
      w.runner.run(w.at, rowBytes, blockStep, 1, n * length, w.scratch);
    } else {
      w.runner.run(w.at, rowBytes, blockStep, n, length, w.scratch);
    }
    return block;
  }

  /** Bytes between the rows of a block. */
  private long blockRowBytes() {
    return rowBytes[isDirect ? 0 : out];
  }

  private void finish(Worker w, long m, long column, int n, int part) {
    for (int j = 0; j < n; j++) {
      double v = fold.result(w.accumulator, j);
      if (parts == 1) {
        store(w.result + j * step[out], v);
      } else {
        partial[(int) ((part * results + m) * (isRow ? 1 : columns) + column + j)] = v;
      }
    }
  }

  private void combine() {
    int n = partial.length / parts;
    for (int p = 1; p < parts; p++) {
      fold.combine(partial, n, p * n);
    }
    int inRow = isRow ? 1 : (int) columns;
    long[] at = workers[0].at;
    for (int i = 0; i < n; i += inRow) {
      System.arraycopy(base, 0, at, 0, base.length);
      add(at, kept, i / inRow);
      for (int j = 0; j < inRow; j++) {
        store(at[out] + j * step[out], partial[i + j]);
      }
    }
  }

  private void store(long address, double v) {
    if (type == DType.F32) {
      Memory.setFloat(address, (float) v);
    } else {
      Memory.setInt(address, (int) v);
    }
  }
}
