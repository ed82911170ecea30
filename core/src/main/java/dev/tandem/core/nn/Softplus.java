package dev.tandem.core.nn;

/** {@link Activations#softplus} as a layer. */
public final class Softplus extends ElementwiseLayer {
  /** With beta 1 and threshold 20. */
  public Softplus() {
    this(1, 20);
  }

  /**
   * @param beta sharpness of the bend, positive
   * @param threshold above which {@code beta x} counts as far from the bend
   */
  public Softplus(double beta, double threshold) {
    super("softplus", Activations.SOFTPLUS, Activations.softplusLaunch(beta, threshold));
  }
}
