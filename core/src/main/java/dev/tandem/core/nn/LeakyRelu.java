package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Launch;

/** {@link Activations#leakyRelu} as a layer. */
public final class LeakyRelu extends ElementwiseLayer {
  /** With slope 0.1; PyTorch's default is 0.01. */
  public LeakyRelu() {
    this(0.1);
  }

  /** @param slope left of 0 */
  public LeakyRelu(double slope) {
    super("leakyRelu", Activations.LEAKY_RELU, Launch.of(slope));
  }
}
