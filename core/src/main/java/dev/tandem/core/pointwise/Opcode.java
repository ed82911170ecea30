package dev.tandem.core.pointwise;

/**
 * Instructions of pointwise programs. Arithmetic is IEEE 754 on FLOAT registers and wraps on INT registers; comparisons give BOOL.
 * MAX and MIN return NaN if an operand is NaN.
 */
public enum Opcode {
  /** Element of an operand. */
  INPUT(0),
  /** A number of the program. */
  CONST(0),
  /** A number given at launch. */
  ARGUMENT(0),
  /** Uniform in [0, 1) from Philox; its operand, an INT input of one element, is the counter. */
  RANDOM(1),
  ADD(2), SUB(2), MUL(2),
  /** FLOAT only. */
  DIV(2),
  MAX(2), MIN(2),
  /** FLOAT only; {@code Math.pow}. */
  POW(2),
  LESS(2), EQUAL(2),
  /** {@code a ? b : c}; the first operand is BOOL. */
  WHERE(3),
  NEG(1), ABS(1),
  // From here on FLOAT only.
  FLOOR(1), SQRT(1), EXP(1), LOG(1), EXPM1(1), LOG1P(1), TANH(1), SIGMOID(1), ERF(1), SIN(1), COS(1),
  /** From INT or BOOL. */
  TO_FLOAT(1),
  /** From FLOAT (towards zero, saturating, NaN to 0, as Java's cast) or BOOL. */
  TO_INT(1);

  private final int arity;

  Opcode(int arity) {
    this.arity = arity;
  }

  /** How many registers it reads. */
  public int arity() {
    return arity;
  }
}
