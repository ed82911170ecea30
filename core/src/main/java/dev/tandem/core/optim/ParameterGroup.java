package dev.tandem.core.optim;

/**
 * How an optimizer treats some of the parameters, see {@link Optimizer#group}.
 *
 * @param learningRateFactor what the optimizer's learning rate is multiplied by; 1 if nothing else is said
 * @param weightDecay that of the optimizer if nothing else is said
 */
public record ParameterGroup(double learningRateFactor, double weightDecay) {
  public ParameterGroup {
    if (!(learningRateFactor >= 0) || Double.isInfinite(learningRateFactor)) {
      throw new IllegalArgumentException("a factor of the learning rate must be at least 0, not " + learningRateFactor);
    }
    if (!(weightDecay >= 0) || Double.isInfinite(weightDecay)) {
      throw new IllegalArgumentException("weight decay must be a number of at least 0, not " + weightDecay);
    }
  }

  /** This group with the optimizer's learning rate multiplied by {@code factor}. */
  public ParameterGroup learningRateFactor(double factor) {
    return new ParameterGroup(factor, weightDecay);
  }

  /** This group with another weight decay. */
  public ParameterGroup weightDecay(double decay) {
    return new ParameterGroup(learningRateFactor, decay);
  }
}
