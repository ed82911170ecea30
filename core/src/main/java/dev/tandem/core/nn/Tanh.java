package dev.tandem.core.nn;

/** {@link Activations#tanh} as a layer. */
public final class Tanh extends ElementwiseLayer {
  public Tanh() {
    super("tanh", Activations.TANH);
  }
}
