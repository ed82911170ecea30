package dev.tandem.core.nn;

/** {@link Activations#sigmoid} as a layer. */
public final class Sigmoid extends ElementwiseLayer {
  public Sigmoid() {
    super("sigmoid", Activations.SIGMOID);
  }
}
