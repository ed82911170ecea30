package dev.tandem.core.nn;

/** {@link Activations#selu} as a layer. */
public final class Selu extends ElementwiseLayer {
  public Selu() {
    super("selu", Activations.SELU);
  }
}
