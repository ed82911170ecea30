package dev.tandem.cpu;

/** A program compiled to a loop over a rectangle of elements. */
interface PointwiseLoop {
  /** Columns end here: so many numbers are less bytes than an int counts. */
  int MOST_COLUMNS = 1 << 28;

  /**
   * Runs columns {@code from} to {@code to} of every row, {@link #MOST_COLUMNS} at most.
   *
   * @param at address of each operand's first element, inputs before outputs
   * @param row bytes between rows of each operand
   * @param step bytes between columns; read only for operands of {@link Access.Step#OTHER}
   * @param rows if less than 0, turns of an empty loop, and nothing else happens: see {@link WarmUp}
   * @param arguments numbers given at launch
   */
  void run(long[] at, long[] row, long[] step, int rows, int from, int to, double[] arguments);
}
