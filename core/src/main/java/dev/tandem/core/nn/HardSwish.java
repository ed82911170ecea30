package dev.tandem.core.nn;

/** {@link Activations#hardSwish} as a layer. */
public final class HardSwish extends ElementwiseLayer {
  public HardSwish() {
    super("hardSwish", Activations.HARD_SWISH);
  }
}
