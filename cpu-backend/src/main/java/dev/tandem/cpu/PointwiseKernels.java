package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;

/** Pointwise operations: chunks of elements with fixed borders, each run by a compiled kernel. */
final class PointwiseKernels {
  /**
   * Elements of a chunk. Results do not depend on it; between chunks the streams of memory stop for a moment, which with chunks of
   * the least size cost Adam 5 % in the cache and 15 % beyond it.
   */
  private static final int LEAST_CHUNK = Chunks.ELEMENTS;
  private static final int MOST_CHUNK = 1 << 20;
  /** Chunks for each of several threads, so that they end together. */
  private static final int CHUNKS_OF_THREAD = 8;
  /** Rows of a chunk where an operand lies across the others, so that its cache lines are used up while they are there. */
  private static final int ACROSS = 64;

  private PointwiseKernels() {
  }

  static Runnable prepare(Pointwise op, Call call, Team team) {
    return prepare(op, call, team, Lanes.AVAILABLE);
  }

  /** @param vector whether vector instructions may be used */
  static Runnable prepare(Pointwise op, Call call, Team team, boolean vector) {
    Shape shape = call.out().getFirst().shape();
    if (shape.size() == 0) {
      return () -> {};
    }
    List<Operand> operands = new ArrayList<>(call.in());
    operands.addAll(call.out());
    Axes axes = axes(shape, operands, op.program().isRandom());
    long[] base = new long[operands.size() + 1];
    long[] step = axes.strides(axes.rank() - 1);
    List<Access> accesses = new ArrayList<>();
    for (int k = 0; k < operands.size(); k++) {
      Operand o = operands.get(k);
      base[k] = address(o);
      accesses.add(shape.size() == 1 ? new Access(o.dtype(), Access.Step.UNIT) : Access.of(o.dtype(), step[k]));
    }
    return new Run(axes, base, new PointwiseRunner(op.program(), List.copyOf(accesses), op.launch(), vector),
        weight(op.program()),
        call, team);
  }

  /** The address of an operand's first element. */
  static long address(Operand o) {
    return ((CpuStorage) o.storage()).address() + o.layout().offset() * o.dtype().bytes();
  }

  private static Axes axes(Shape shape, List<Operand> operands, boolean positions) {
    long[] units = new long[operands.size()];
    boolean dense = true;
    for (int k = 0; k < units.length; k++) {
      Operand o = operands.get(k);
      units[k] = o.dtype().bytes();
      dense &= o.layout().isContiguous() && o.shape().equals(shape);
    }
    if (dense) {
      return Axes.dense(shape.size(), units, positions);
    }
    List<Layout> layouts = operands.stream().map(o -> o.layout().expand(shape)).toList();
    return Axes.of(shape, layouts, units, units.length, List.of(), positions);
  }

  /** About how many times as long an element takes as in a cheap program. */
  static int weight(Program program) {
    int weight = 1;
    for (Program.Instruction i : program.code()) {
      weight +=
          i.op().compareTo(Opcode.EXP) >= 0 && i.op().compareTo(Opcode.COS) <= 0 || i.op() == Opcode.RANDOM ? 3 : 0;
    }
    return weight;
  }

  private static final class Run implements Runnable, Team.Body {
    private final Call call;
    private final Team team;
    private final PointwiseRunner runner;
    private final PointwiseRunner.Worker[] workers;
    private final long[][] at;
    private final Axes axes;
    private final long[] base;
    private final long[] step;
    private final long[] row;
    private final long columns;
    /** Size of the axis that rows are counted along. */
    private final long rowDim;
    private final long rows;
    /** Chunks beside each other, of so many columns, and rows of a chunk. */
    private final long pieces;
    private final int width;
    private final long rowsOfChunk;
    private final int chunks;
    private final boolean alone;

    Run(Axes axes, long[] base, PointwiseRunner runner, int weight, Call call, Team team) {
      this.axes = axes;
      this.base = base;
      this.runner = runner;
      this.call = call;
      this.team = team;
      int inner = axes.rank() - 1;
      step = axes.strides(inner);
      row = inner == 0 ? new long[step.length] : axes.strides(inner - 1);
      columns = axes.dim(inner);
      rowDim = inner == 0 ? 1 : axes.dim(inner - 1);
      long r = 1;
      for (int a = 0; a < inner; a++) {
        r *= axes.dim(a);
      }
      rows = r;
      int across = isAcross(base.length - 1) ? (int) Math.min(rowDim, ACROSS) : 1;
      int chunk = across > 1 ? LEAST_CHUNK : chunk(rows * columns, team);
      width = (int) Math.min(columns, chunk / across);
      pieces = (columns + width - 1) / width;
      rowsOfChunk = Math.max(across, pieces > 1 ? 1 : chunk / columns);
      chunks = Math.toIntExact((rows + rowsOfChunk - 1) / rowsOfChunk * pieces);
      alone = Chunks.isSmall(rows * columns, weight);
      if (rows * columns >= WarmUp.ELEMENTS) {
        runner.warmUp(rows * columns);
      }
      int threads = alone || chunks == 1 ? 1 : team.size();
      workers = new PointwiseRunner.Worker[threads];
      at = new long[threads][base.length];
      for (int w = 0; w < threads; w++) {
        workers[w] = runner.worker();
      }
    }

    private static int chunk(long elements, Team team) {
      int shares = team.size() == 1 ? 1 : CHUNKS_OF_THREAD * team.size();
      long whole = (elements / shares + LEAST_CHUNK - 1) / LEAST_CHUNK * LEAST_CHUNK;
      return (int) Math.clamp(whole, LEAST_CHUNK, MOST_CHUNK);
    }

    /** Whether an operand has its neighbours along the rows. */
    private boolean isAcross(int operands) {
      for (int k = 0; k < operands; k++) {
        if (row[k] > 0 && row[k] < step[k]) {
          return true;
        }
      }
      return false;
    }

    @Override
    public void run() {
      Chunks.run(call, team, alone, chunks, this);
    }

    @Override
    public void run(int worker, int chunk) {
      long scratch = runner.scratch() == 0 ? 0 : Workspace.floats(Workspace.Slot.ROWS, runner.scratch());
      long[] a = at[worker];
      long column = chunk % pieces * width;
      int n = (int) Math.min(width, columns - column);
      long first = chunk / pieces * rowsOfChunk;
      long end = Math.min(rows, first + rowsOfChunk);
      while (first < end) {
        long next = Math.min(end, first + rowDim - locate(first, column, a));
        workers[worker].run(a, row, step, (int) (next - first), n, scratch);
        first = next;
      }
    }

    /** Sets {@code a} to an element of a row, counted over all outer axes; gives the row's index along the last of them. */
    private long locate(long index, long column, long[] a) {
      for (int k = 0; k < a.length; k++) {
        a[k] = base[k] + column * step[k];
      }
      long along = 0;
      for (int axis = axes.rank() - 2; axis >= 0; axis--) {
        long i = index % axes.dim(axis);
        index /= axes.dim(axis);
        if (axis == axes.rank() - 2) {
          along = i;
        }
        long[] s = axes.strides(axis);
        for (int k = 0; k < a.length; k++) {
          a[k] += i * s[k];
        }
      }
      return along;
    }
  }
}
