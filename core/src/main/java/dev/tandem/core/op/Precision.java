package dev.tandem.core.op;

import java.util.Locale;

/** How the products of a step, matrix products, convolutions and recurrent layers, are computed. */
public enum Precision {
  /** Single precision throughout. */
  FP32,
  /** F32 operands may be rounded to 10 bits of mantissa on their way into a product (TF32), which is summed in fp32. */
  TF32,
  /** Operands of products are BF16, and activations between them; products are summed in fp32. What is learnt and what is summed up,
   * parameters, gradients, optimizer state, statistics and losses, stays F32. */
  BF16;

  /** As the command line has it: {@code bf16}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
