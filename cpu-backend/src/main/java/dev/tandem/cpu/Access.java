package dev.tandem.cpu;

import dev.tandem.core.shape.DType;

/** How a compiled loop meets an operand: together with the program, the key of the loop. */
record Access(DType dtype, Step step) {
  /** The class of the innermost stride. */
  enum Step {
    /** One element for the whole row. */
    ZERO,
    /** Neighbours in memory. */
    UNIT,
    /** A stride known at run time. */
    OTHER
  }

  /** A dense block of floats. */
  static final Access BLOCK = new Access(DType.F32, Step.UNIT);

  static Access of(DType dtype, long stepBytes) {
    return new Access(dtype, stepBytes == 0 ? Step.ZERO : stepBytes == dtype.bytes() ? Step.UNIT : Step.OTHER);
  }
}
