package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Launch;

/** {@link Activations#elu} as a layer. */
public final class Elu extends ElementwiseLayer {
  /** With alpha 1. */
  public Elu() {
    this(1);
  }

  /** @param alpha the limit towards minus infinity, negated */
  public Elu(double alpha) {
    super("elu", Activations.ELU, Launch.of(alpha));
  }
}
