package dev.tandem.core.nn;

/**
 * How far a {@link BatchRenorm} corrects a batch, and from when on. Both limits grow in a straight line, beginning after
 * {@code warmup} steps, in which it is ordinary batch normalisation.
 *
 * @param eps added to the variance, positive
 * @param momentum share of the newest batch in the running statistics, 0 to 1
 * @param rMax largest factor of the scale at the end, at least 1; {@code 1 / rMax} is the smallest
 * @param dMax largest shift at the end, in standard deviations
 * @param warmup steps before the limits grow
 * @param rSteps step at which rMax is reached, after the warm-up
 * @param dSteps step at which dMax is reached, after the warm-up
 */
public record BatchRenormOptions(double eps, double momentum, double rMax, double dMax, int warmup, int rSteps,
    int dSteps) {
  /** That of the paper, section 4: momentum 0.01, rMax 3 at step 40000, dMax 5 at step 25000, from step 5000 on. */
  public static final BatchRenormOptions DEFAULT = new BatchRenormOptions(1e-3, 0.01, 3, 5, 5000, 40_000, 25_000);

  public BatchRenormOptions {
    if (!(eps > 0) || !(momentum >= 0 && momentum <= 1)) {
      throw new IllegalArgumentException("batch renormalisation with eps " + eps + " and momentum " + momentum
          + "; eps must be positive and momentum between 0 and 1");
    }
    if (!(rMax >= 1) || !(dMax >= 0)) {
      throw new IllegalArgumentException("batch renormalisation with rMax " + rMax + " and dMax " + dMax
          + "; they must be at least 1 and at least 0");
    }
    if (warmup < 0 || rSteps <= warmup || dSteps <= warmup) {
      throw new IllegalArgumentException("batch renormalisation with a warm-up of " + warmup
          + " steps and limits reached at steps " + rSteps + " and " + dSteps + "; these must come after the warm-up");
    }
  }

  public BatchRenormOptions withEps(double value) {
    return new BatchRenormOptions(value, momentum, rMax, dMax, warmup, rSteps, dSteps);
  }

  public BatchRenormOptions withMomentum(double value) {
    return new BatchRenormOptions(eps, value, rMax, dMax, warmup, rSteps, dSteps);
  }

  public BatchRenormOptions withLimits(double r, double d) {
    return new BatchRenormOptions(eps, momentum, r, d, warmup, rSteps, dSteps);
  }

  public BatchRenormOptions withSchedule(int warmupSteps, int r, int d) {
    return new BatchRenormOptions(eps, momentum, rMax, dMax, warmupSteps, r, d);
  }
}
