package dev.tandem.cpu;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Philox;
import dev.tandem.core.pointwise.Program;
import java.util.ArrayList;
import java.util.List;

/**
 * A program ready to be run over rectangles of elements: what a pointwise operation and the prologue of a reduction share. Fixed
 * once made; what one thread needs is in a {@link Worker}.
 */
final class PointwiseRunner {
  /** Columns between two stages: the temporaries of a few blocks fit in the first-level cache. */
  private static final int BLOCK = 512;

  /** Bytes of a row from which on copying it takes no longer than a loop. */
  private static final int LEAST_COPY = 256;

  private final PointwisePlan plan;
  private final PointwiseKernel[] kernels;
  private final double[] arguments;
  private final long key;
  private final int operands;
  private final boolean vector;
  private final DenseTiles tiles;
  /** Bytes of an element, if the program copies elements as they are; else 0. */
  private final int copied;
  /** Whether they are neighbours, both here and there. */
  private final boolean copiesRows;

  /**
   * @param accesses the program's inputs and outputs
   * @param vector whether vector instructions may be used
   */
  PointwiseRunner(Program program, List<Access> accesses, Launch launch, boolean vector) {
    plan = PointwisePlan.of(program);
    operands = accesses.size();
    this.vector = vector;
    tiles = new DenseTiles(vector ? accesses : List.of(), program.inputs().size());
    boolean copies = program.isCopy() && operands == 2
        && accesses.getFirst().dtype() == accesses.getLast().dtype();
    copiesRows = copies && accesses.stream().allMatch(a -> a.step() == Access.Step.UNIT);
    copied = copiesRows || copies && tiles.isNeeded() ? accesses.getFirst().dtype().bytes() : 0;
    List<Access> met = new ArrayList<>();
    for (int k = 0; k < operands; k++) {
      met.add(tiles.isNeeded() ? tiles.access(k, accesses.get(k)) : accesses.get(k));
    }
    kernels = new PointwiseKernel[plan.stages().size()];
    for (int s = 0; s < kernels.length; s++) {
      PointwisePlan.Stage stage = plan.stages().get(s);
      kernels[s] =
          PointwiseKernel.of(stage.program(), plan.isDirect() ? List.copyOf(met) : accesses(stage, met), vector);
    }
    arguments = new double[launch.arguments().size()];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = launch.arguments().get(i);
    }
    key = launch.key();
  }

  private static List<Access> accesses(PointwisePlan.Stage stage, List<Access> all) {
    List<Access> list = new ArrayList<>();
    for (int o : stage.operands()) {
      list.add(o < 0 ? Access.BLOCK : all.get(o));
    }
    return List.copyOf(list);
  }

  /** Has all vector loops compiled, as far as that pays before so many elements. */
  void warmUp(long elements) {
    if (copied == 0) {
      for (PointwiseKernel k : kernels) {
        k.warmUp(elements);
      }
    }
  }

  /** Floats of scratch memory that {@link Worker#run} wants. */
  long scratch() {
    return temporaries() + tiles.scratch();
  }

  private long temporaries() {
    return (long) plan.temporaries() * BLOCK;
  }

  /** Working state of one thread. */
  Worker worker() {
    return new Worker();
  }

  /** Runs the program; one for each thread. */
  final class Worker {
    private final long[][] stageAt = new long[kernels.length][];
    private final long[][] stageStep = new long[kernels.length][];
    private final float[] uniforms;
    private final int[] words = new int[4];
    private final long[] at = new long[operands + 1];
    private final long[] tileAt = new long[operands + 1];
    private final long[] tileRow = new long[operands + 1];
    private final long[] tileStep = new long[operands + 1];

    private Worker() {
      uniforms = plan.draws().isEmpty() ? new float[0] : new float[BLOCK];
      for (int s = 0; s < kernels.length && !plan.isDirect(); s++) {
        stageAt[s] = new long[plan.stages().get(s).operands().size()];
        stageStep[s] = new long[stageAt[s].length];
      }
    }

    /**
     * Runs {@code n} columns of every row. The arrays have one entry for each operand, and one more: of the row-major index of the
     * elements in the whole tensor, which random numbers are drawn by.
     *
     * @param at addresses of the first elements
     * @param row bytes between rows
     * @param step bytes between columns
     * @param scratch address of {@link #scratch} floats
     */
    void run(long[] at, long[] row, long[] step, int rows, int n, long scratch) {
      if (copiesRows && copied * n >= LEAST_COPY) {
        copyRows(at, row, step, rows, n);
      } else if (copied > 0 && tiles.isNeeded()) {
        DenseTiles.move(copied, at[0], row[0], step[0], at[1], row[1], step[1], rows, n);
      } else if (tiles.isNeeded()) {
        tiles(at, row, step, rows, n, scratch);
      } else {
        dense(at, row, step, rows, n, scratch);
      }
    }

    /** 4 MB in a cache took a loop of vectors 196 µs, and take 105. */
    private void copyRows(long[] at, long[] row, long[] step, int rows, int n) {
      if (isOneRow(row, step, n)) {
        Memory.copy(at[0], at[1], (long) copied * rows * n);
        return;
      }
      for (int r = 0; r < rows; r++) {
        Memory.copy(at[0] + r * row[0], at[1] + r * row[1], (long) copied * n);
      }
    }

    private void tiles(long[] from, long[] row, long[] step, int rows, int n, long scratch) {
      int width = tiles.columns(row, n);
      int height = DenseTiles.ELEMENTS / width;
      for (int r = 0; r < rows; r += height) {
        int h = Math.min(height, rows - r);
        for (int c = 0; c < n; c += width) {
          int w = Math.min(width, n - c);
          for (int k = 0; k <= operands; k++) {
            at[k] = from[k] + r * row[k] + c * step[k];
          }
          tiles.gather(at, row, step, h, w, scratch + temporaries() * Float.BYTES, tileAt, tileRow, tileStep);
          dense(tileAt, tileRow, tileStep, h, w, scratch);
          tiles.scatter(at, row, step, h, w, tileAt, tileRow, tileStep);
        }
      }
    }

    private void dense(long[] at, long[] row, long[] step, int rows, int n, long scratch) {
      if (rows > 1 && isOneRow(row, step, n)) {
        dense(at, row, step, 1, rows * n, scratch);
        return;
      }
      if (plan.isDirect()) {
        kernels[0].run(at, row, step, rows, n, arguments);
        return;
      }
      for (int r = 0; r < rows; r++) {
        for (int from = 0; from < n; from += BLOCK) {
          block(at, row, step, r, from, Math.min(BLOCK, n - from), scratch);
        }
      }
    }

    /** Whether rows follow each other without gaps in every operand. */
    private static boolean isOneRow(long[] row, long[] step, int n) {
      for (int k = 0; k < row.length; k++) {
        if (row[k] != n * step[k]) {
          return false;
        }
      }
      return true;
    }

    private void block(long[] at, long[] row, long[] step, int r, int from, int n, long scratch) {
      long position = at[operands] + r * row[operands] + from * step[operands];
      for (PointwisePlan.Draw d : plan.draws()) {
        int counter = Memory.getInt(at[d.counter()] + r * row[d.counter()]);
        draw(counter, d.salt(), position, step[operands], n);
        Memory.setFloats(temporary(scratch, d.temporary()), uniforms, 0, n);
      }
      for (int s = 0; s < kernels.length; s++) {
        List<Integer> places = plan.stages().get(s).operands();
        for (int k = 0; k < places.size(); k++) {
          int o = places.get(k);
          stageAt[s][k] = o < 0 ? temporary(scratch, -1 - o) : at[o] + r * row[o] + from * step[o];
          stageStep[s][k] = o < 0 ? Float.BYTES : step[o];
        }
        // One row, so that the distance of rows is not read for anything.
        kernels[s].run(stageAt[s], stageStep[s], stageStep[s], 1, n, arguments);
      }
    }

    private static long temporary(long scratch, int t) {
      return scratch + (long) t * BLOCK * Float.BYTES;
    }

    private void draw(int counter, int salt, long position, long step, int n) {
      if (step == 1) {
        if (vector) {
          VectorPhilox.uniform(key, counter, salt, position, uniforms, n);
        } else {
          Philox.uniform(key, counter, salt, position, uniforms, 0, n);
        }
        return;
      }
      for (int e = 0; e < n; e++) {
        long index = position + e * step;
        long block = index >>> 2;
        Philox.words(key, (int) block, counter, salt, (int) (block >>> 32), words);
        uniforms[e] = (words[(int) index & 3] >>> 8) * 0x1p-24f;
      }
    }
  }
}
