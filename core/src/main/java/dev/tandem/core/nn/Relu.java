package dev.tandem.core.nn;

/** {@link Activations#relu} as a layer. */
public final class Relu extends ElementwiseLayer {
  public Relu() {
    super("relu", Activations.RELU);
  }
}
