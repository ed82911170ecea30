package dev.tandem.core.nn;

/**
 * How a {@link BatchNorm2d} normalises: {@code BatchNormOptions.DEFAULT.withMomentum(0.01)}.
 *
 * @param eps added to the variance, positive
 * @param momentum share of the newest batch in the running statistics, 0 to 1
 * @param affine whether each channel is scaled and shifted by trained parameters
 */
public record BatchNormOptions(double eps, double momentum, boolean affine) {
  /** That of PyTorch: eps 1e-5, momentum 0.1, with parameters. */
  public static final BatchNormOptions DEFAULT = new BatchNormOptions(1e-5, 0.1, true);

  public BatchNormOptions {
    if (!(eps > 0) || !(momentum >= 0 && momentum <= 1)) {
      throw new IllegalArgumentException("batch normalisation with eps " + eps + " and momentum " + momentum
          + "; eps must be positive and momentum between 0 and 1");
    }
  }

  public BatchNormOptions withEps(double value) {
    return new BatchNormOptions(value, momentum, affine);
  }

  public BatchNormOptions withMomentum(double value) {
    return new BatchNormOptions(eps, value, affine);
  }

  public BatchNormOptions withAffine(boolean value) {
    return new BatchNormOptions(eps, momentum, value);
  }
}
