package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Program;

/** {@link Activations#gelu} as a layer. */
public final class Gelu extends ElementwiseLayer {
  /** How the normal distribution function is computed. */
  public enum Approximation {
    /** By the error function. */
    NONE,
    /** {@code 0.5 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))}, as in GPT-2. */
    TANH;

    Program program() {
      return switch (this) {
        case NONE -> Activations.GELU;
        case TANH -> Activations.GELU_TANH;
      };
    }
  }

  public Gelu() {
    this(Approximation.NONE);
  }

  public Gelu(Approximation approximation) {
    super("gelu", approximation.program());
  }
}
