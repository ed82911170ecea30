package dev.tandem.core.nn;

/** {@link Activations#silu} as a layer. */
public final class Silu extends ElementwiseLayer {
  public Silu() {
    super("silu", Activations.SILU);
  }
}
