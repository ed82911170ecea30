package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import java.util.List;

/**
 * Softmax cross entropy by rows: the largest logit, then the sum of exponentials. Some rows at a time are brought together in scratch
 * memory, whatever their strides, so that short rows fill vectors as well.
 */
final class CrossEntropyKernels {
  /** Logits in scratch memory at a time, unless one row has more. */
  private static final int BLOCK = 4096;
  private static final Program EXP = Program.of(1, Expr.input(0).exp());
  private static final double[] NO_ARGUMENTS = {};
  /** About how many vector operations an exponential is. */
  private static final int EXP_WEIGHT = 32;

  private CrossEntropyKernels() {
  }

  /** {@code logits [N, C], labels [N] -> loss [N], logSumExp [N, 1]}. */
  static Runnable prepareForward(Call call, Team team) {
    return prepareForward(call, team, Lanes.AVAILABLE);
  }

  /** @param vector whether vector instructions may be used */
  static Runnable prepareForward(Call call, Team team, boolean vector) {
    Rows rows = new Rows(call, team, vector);
    Operand loss = call.out().get(0);
    Operand logSumExp = call.out().get(1);
    long lossAt = PointwiseKernels.address(loss);
    long lossStep = 4 * loss.layout().stride(0);
    long sumAt = PointwiseKernels.address(logSumExp);
    long sumStep = 4 * logSumExp.layout().stride(0);
    Fold max = Fold.of(Reduce.Kind.MAX, true, vector);
    Fold sum = Fold.of(Reduce.Kind.SUM, true, vector);
    Fold.Accumulator[] accumulators = new Fold.Accumulator[rows.workers];
    for (int w = 0; w < accumulators.length; w++) {
      accumulators[w] = new Fold.Accumulator(1, vector);
    }
    return rows.each(new Rows.Body() {
      @Override
      public void run(int worker, int from, int n, long block) {
        Fold.Accumulator a = accumulators[worker];
        int c = rows.classes;
        double[] shifts = rows.shifts[worker];
        for (int r = 0; r < n; r++) {
          long row = block + 4L * c * r;
          long logits = rows.dense(from + r, row);
          max.clear(a, 1);
          max.row(a, logits, c, 0);
          // With infinities there is nothing to shift by: ∞ - ∞ would make NaN of a sum that is ∞, or 0.
          float shift = Double.isInfinite(a.value[0]) ? 0 : (float) a.value[0];
          shifts[r] = shift;
          rows.subtract(logits, row, shift);
        }
        rows.exp(block, n * c);
        for (int r = 0; r < n; r++) {
          sum.clear(a, 1);
          sum.row(a, block + 4L * c * r, c, 0);
          double logSum = shifts[r] + Math.log(a.value[0]);
          int label = rows.label(from + r);
          double picked = label >= 0 && label < c ? rows.logit(from + r, label) : 0;
          Memory.setFloat(lossAt + (from + r) * lossStep, (float) (logSum - picked));
          Memory.setFloat(sumAt + (from + r) * sumStep, (float) logSum);
        }
      }
    });
  }

  /** {@code logits [N, C], labels [N], logSumExp [N, 1], gradLoss [N] -> gradLogits [N, C]}. */
  static Runnable prepareGrad(Call call, Team team) {
    return prepareGrad(call, team, Lanes.AVAILABLE);
  }

  /** @param vector whether vector instructions may be used */
  static Runnable prepareGrad(Call call, Team team, boolean vector) {
    Rows rows = new Rows(call, team, vector);
    Operand logSumExp = call.in().get(2);
    Operand gradLoss = call.in().get(3);
    Operand out = call.out().getFirst();
    long sumAt = PointwiseKernels.address(logSumExp);
    long sumStep = 4 * logSumExp.layout().stride(0);
    long gradAt = PointwiseKernels.address(gradLoss);
    long gradStep = 4 * gradLoss.layout().stride(0);
    long outAt = PointwiseKernels.address(out);
    long outRow = 4 * out.layout().stride(0);
    long outStep = 4 * out.layout().stride(1);
    return rows.each(new Rows.Body() {
      @Override
      public void run(int worker, int from, int n, long block) {
        int c = rows.classes;
        for (int r = 0; r < n; r++) {
          long row = block + 4L * c * r;
          rows.subtract(rows.dense(from + r, row), row, Memory.getFloat(sumAt + (from + r) * sumStep));
        }
        rows.exp(block, n * c);
        for (int r = 0; r < n; r++) {
          long row = block + 4L * c * r;
          int label = rows.label(from + r);
          if (label >= 0 && label < c) {
            Memory.setFloat(row + 4L * label, Memory.getFloat(row + 4L * label) - 1);
          }
          float g = Memory.getFloat(gradAt + (from + r) * gradStep);
          long to = outAt + (from + r) * outRow;
          int j = vector && outStep == Float.BYTES ? VectorRows.multiply(row, to, c, g) : 0;
          for (; j < c; j++) {
            Memory.setFloat(to + j * outStep, g * Memory.getFloat(row + 4L * j));
          }
        }
      }
    });
  }

  /** Rows of logits with their labels, and how they are shared. */
  private static final class Rows {
    interface Body {
      /** Does {@code n} rows from row {@code from} on, with scratch memory for as many logits. */
      void run(int worker, int from, int n, long block);
    }

    final int classes;
    final int workers;
    /** Numbers by worker and row of a block. */
    final double[][] shifts;
    private final Call call;
    private final Team team;
    private final boolean vector;
    private final PointwiseKernel exp;
    private final int count;
    private final int rowsOfBlock;
    private final boolean alone;
    private final long logits;
    private final long rowBytes;
    private final long step;
    private final long labels;
    private final long labelStep;

    Rows(Call call, Team team, boolean vector) {
      this.call = call;
      this.team = team;
      this.vector = vector;
      exp = PointwiseKernel.of(EXP, List.of(Access.BLOCK, Access.BLOCK), vector);
      Operand x = call.in().get(0);
      Operand y = call.in().get(1);
      count = x.shape().dim(0);
      classes = x.shape().dim(1);
      if ((long) count * classes * EXP_WEIGHT >= WarmUp.ELEMENTS) {
        exp.warmUp((long) count * classes);
      }
      logits = PointwiseKernels.address(x);
      rowBytes = 4 * x.layout().stride(0);
      step = 4 * x.layout().stride(1);
      labels = PointwiseKernels.address(y);
      labelStep = 4 * y.layout().stride(0);
      rowsOfBlock = Math.max(1, Math.min(count, BLOCK / classes));
      alone = Chunks.isSmall((long) count * classes, 4);
      workers = alone ? 1 : team.size();
      shifts = new double[workers][rowsOfBlock];
    }

    Runnable each(Body body) {
      Team.Body chunk = (worker, c) -> body.run(worker, c * rowsOfBlock, Math.min(rowsOfBlock, count - c * rowsOfBlock),
          Workspace.floats(Workspace.Slot.ROWS, (long) rowsOfBlock * classes));
      return () -> {
        Chunks.run(call, team, alone, (count + rowsOfBlock - 1) / rowsOfBlock, chunk);
      };
    }

    int label(int row) {
      return Memory.getInt(labels + row * labelStep);
    }

    float logit(int row, int column) {
      return Memory.getFloat(logits + row * rowBytes + column * step);
    }

    /** The address of a row's logits side by side: their own, or {@code to} if they had to be brought together there. */
    long dense(int row, long to) {
      long from = logits + row * rowBytes;
      if (step == Float.BYTES) {
        return from;
      }
      for (int j = 0; j < classes; j++) {
        Memory.setFloat(to + 4L * j, Memory.getFloat(from + j * step));
      }
      return to;
    }

    void subtract(long from, long to, float shift) {
      int j = vector ? VectorRows.subtract(from, to, classes, shift) : 0;
      for (; j < classes; j++) {
        Memory.setFloat(to + 4L * j, Memory.getFloat(from + 4L * j) - shift);
      }
    }

    void exp(long at, int n) {
      // One row: the distance of rows is not read for anything.
      long[] places = {at, at};
      exp.run(places, places, places, 1, n, NO_ARGUMENTS);
    }
  }
}
