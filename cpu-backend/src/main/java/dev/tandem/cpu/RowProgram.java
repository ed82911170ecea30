package dev.tandem.cpu;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import java.util.Arrays;
import java.util.List;

/** A program that kernels run over some rows of dense floats whose places they know only then. */
final class RowProgram {
  /** Operands of a program, at most. */
  private static final int MOST = 16;
  private static final long[] NO_STEPS = new long[MOST];
  private static final double[] NO_ARGUMENTS = {};

  /** The operands of one thread's next run, inputs before outputs. */
  static final class Places {
    private final long[] at = new long[MOST];
    private final long[] row = new long[MOST];
    private int count;

    /** @param rowBytes bytes between rows; 0 for a row that is there once */
    Places and(long address, long rowBytes) {
      at[count] = address;
      row[count++] = rowBytes;
      return this;
    }
  }

  private final PointwiseKernel kernel;
  private final int operands;

  /** @param accesses how every operand is met: dense, or one number for a whole row */
  RowProgram(Program program, List<Access> accesses) {
    kernel = PointwiseKernel.of(program, accesses, Lanes.AVAILABLE);
    operands = accesses.size();
  }

  /** All operands dense. */
  static RowProgram dense(int inputs, Expr... outputs) {
    Access[] accesses = new Access[inputs + outputs.length];
    Arrays.fill(accesses, Access.BLOCK);
    return new RowProgram(Program.of(inputs, outputs), List.of(accesses));
  }

  /** Makes ready for so many elements, if that pays, in rows that come later. */
  void warmUp(long elements) {
    if (elements >= WarmUp.ELEMENTS) {
      kernel.warmUp(elements);
    }
  }

  /** Runs {@code n} columns of every row, and forgets the places. */
  void run(Places p, int rows, int n) {
    if (p.count != operands) {
      throw new IllegalStateException(p.count + " places for " + operands + " operands");
    }
    p.count = 0;
    kernel.run(p.at, p.row, NO_STEPS, rows, n, NO_ARGUMENTS);
  }
}
