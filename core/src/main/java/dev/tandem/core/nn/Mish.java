package dev.tandem.core.nn;

/** {@link Activations#mish} as a layer. */
public final class Mish extends ElementwiseLayer {
  public Mish() {
    super("mish", Activations.MISH);
  }
}
