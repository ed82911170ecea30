package dev.tandem.core.nn;

/** {@link Activations#relu6} as a layer. */
public final class Relu6 extends ElementwiseLayer {
  public Relu6() {
    super("relu6", Activations.RELU6);
  }
}
