package dev.tandem.cpu;

import dev.tandem.core.pointwise.BoundedCache;
import dev.tandem.core.pointwise.Program;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A program for operands of certain dtypes and stride classes: whole vectors in a vector loop, the rest, or everything,
 * in a scalar loop, and until the loop for most of the work is compiled, all of it interpreted by blocks, with the same
 * bits. Each loop is made when it is first needed.
 */
final class PointwiseKernel {
  private record Key(Program program, List<Access> operands, boolean vector) {
  }

  private static final BoundedCache<Key, PointwiseKernel> KERNELS = new BoundedCache<>(1024);

  /** Elements times their cost that take longer without vectors than it takes to wait for the vector loop once. */
  private static final long LONG_WORK = 1 << 25;
  /** Elements that a call counts for at least. */
  private static final int LEAST_WORK = 128;

  private final Program program;
  private final List<Access> operands;
  private final int width;
  private final Loop vector;
  private final Loop scalar;
  /** Does the work of a loop that is not compiled yet, if it can. Without vectors no step was done sooner by it. */
  private final @Nullable PointwiseInterpreter interpreter;

  private PointwiseKernel(Key key) {
    program = key.program;
    operands = key.operands;
    width = key.vector && VectorGenerator.supports(program, operands) ? FloatLanes.COUNT : 0;
    vector = new Loop(true, width);
    scalar = new Loop(false, 1);
    interpreter = width > 0 && WarmUp.SCALAR_FIRST ? PointwiseInterpreter.of(program, operands) : null;
  }

  /** @param vector whether vector instructions may be used */
  static PointwiseKernel of(Program program, List<Access> operands, boolean vector) {
    return KERNELS.get(new Key(program, operands, vector), PointwiseKernel::new);
  }

  /** Runs {@code n} columns of every row; the arrays are those of {@link PointwiseLoop#run}. */
  void run(long[] at, long[] row, long[] step, int rows, int n, double[] arguments) {
    long[] from = at;
    int left = n;
    while (left > PointwiseLoop.MOST_COLUMNS) {
      piece(from, row, step, rows, PointwiseLoop.MOST_COLUMNS, arguments);
      from = behind(from, step);
      left -= PointwiseLoop.MOST_COLUMNS;
    }
    piece(from, row, step, rows, left, arguments);
  }

  /** The places behind the most columns of a loop. */
  private long[] behind(long[] at, long[] step) {
    long[] next = at.clone();
    for (int k = 0; k < operands.size(); k++) {
      Access a = operands.get(k);
      long bytes = switch (a.step()) {
        case ZERO -> 0;
        case UNIT -> a.dtype().bytes();
        case OTHER -> step[k];
      };
      next[k] += bytes * PointwiseLoop.MOST_COLUMNS;
    }
    return next;
  }

  private void piece(long[] at, long[] row, long[] step, int rows, int n, double[] arguments) {
    int whole = width == 0 ? 0 : n - n % width;
    if (whole > 0 && vector.isCold((long) rows * whole)) {
      whole = 0;
      if (interprets(at, row, rows, n, arguments)) {
        return;
      }
    } else if (whole == 0 && interpreter != null && scalar.isCold(Math.max((long) rows * n, LEAST_WORK))
        && interprets(at, row, rows, n, arguments)) {
          return;
        }
    if (whole > 0) {
      vector.get().run(at, row, step, rows, 0, whole, arguments);
    }
    if (whole < n) {
      scalar.get().run(at, row, step, rows, whole, n, arguments);
    }
  }

  private boolean interprets(long[] at, long[] row, int rows, int n, double[] arguments) {
    if (interpreter == null || !interpreter.takes(row, rows, n)) {
      return false;
    }
    interpreter.run(at, row, rows, n, arguments);
    return true;
  }

  /** Has the vector loop compiled, if there is one, and waits for it if so many elements take longer without it. */
  void warmUp(long elements) {
    if (width > 0) {
      vector.warmUp.prepare(elements * PointwisePlan.cost(program) >= LONG_WORK);
    }
  }

  private final class Loop {
    private final boolean vectors;
    private final WarmUp warmUp;
    /** Elements done so far, roughly: threads count in turns or together. */
    private long elements;
    private boolean cold = true;
    private volatile @Nullable PointwiseLoop made;

    /** @param width elements done by one turn */
    Loop(boolean vectors, int width) {
      this.vectors = vectors;
      long[] at = new long[operands.size()];
      int inputs = program.inputs().size();
      Arrays.fill(at, 0, inputs, WarmUp.ZEROS);
      Arrays.fill(at, inputs, at.length, WarmUp.OUTPUT);
      double[] arguments = new double[program.code().size()];
      warmUp = new WarmUp(turns -> get().run(at, at, at, Math.min(turns, 1), 0, width * turns, arguments),
          PointwisePlan.cost(program), () -> made = null);
    }

    /**
     * Whether another does the work, until this is compiled. Little work that comes again and again has it compiled: by
     * its own counts HotSpot sees late that it pays.
     */
    boolean isCold(long more) {
      if (!cold) {
        return false;
      }
      if (warmUp.isDone()) {
        cold = false;
        return false;
      }
      elements += more;
      if (elements >= WarmUp.ELEMENTS) {
        warmUp.begin();
      }
      return !warmUp.isReady();
    }

    PointwiseLoop get() {
      PointwiseLoop loop = made;
      if (loop == null) {
        synchronized (this) {
          loop = made;
          if (loop == null) {
            loop = PointwiseGenerator.generate(program, operands, vectors);
            made = loop;
          }
        }
      }
      return loop;
    }
  }
}
