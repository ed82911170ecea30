package dev.tandem.core.op;

/** An operation that is made of products and whose precision may be chosen: most of the work of a step, and all that tensor cores do. */
public sealed interface Product extends Op
    permits MatMul, Conv2d, Conv2dGradInput, Conv2dGradWeight, Recurrent, RecurrentGrad {
  /** Whether F32 operands may be rounded to TF32 (10 bits of mantissa) before they are multiplied; sums stay fp32. Never true on a
   * backend without {@link Precision#TF32}. */
  boolean tf32();

  /** The same operation with {@link #tf32} as given. */
  Product withTf32(boolean tf32);
}
