package dev.tandem.core.optim;

import java.util.Arrays;

/**
 * The usual schedules of the learning rate. Each begins at the optimizer's learning rate, or reaches it; minima are
 * fractions of it. Steps count from 0; {@link Schedule#every} makes them epochs. For one that follows the
 * validation loss see {@link ReduceOnPlateau}.
 */
public final class Schedules {
  private static final Schedule CONSTANT = step -> 1;

  private Schedules() {
  }

  /** The optimizer's learning rate itself. */
  public static Schedule constant() {
    return CONSTANT;
  }

  /** Multiplied by {@code gamma} after every {@code size} steps. */
  public static Schedule step(int size, double gamma) {
    requireSteps(size);
    requireDecay(gamma);
    return step -> Math.pow(gamma, step / size);
  }

  /** Multiplied by {@code gamma} at each of {@code milestones}. */
  public static Schedule multiStep(double gamma, int... milestones) {
    requireDecay(gamma);
    int[] at = milestones.clone();
    return step -> Math.pow(gamma, Arrays.stream(at).filter(m -> m <= step).count());
  }

  /** Multiplied by {@code gamma} after every step. */
  public static Schedule exponential(double gamma) {
    requireDecay(gamma);
    return step -> Math.pow(gamma, step);
  }

  /**
   * Half a cosine from 1 to {@code minimum} in {@code steps} steps, then {@code minimum}: Loshchilov and Hutter, SGDR,
   * ICLR 2017, equation 5.
   */
  public static Schedule cosine(int steps, double minimum) {
    requireSteps(steps);
    requireMinimum(minimum);
    return step -> cosine(1, minimum, (double) step / steps);
  }

  /**
   * {@link #cosine} again and again, the first one {@code first} steps long and each next one {@code multiplier}
   * times as long as the one before: SGDR, section 3, T_0 and T_mult.
   */
  public static Schedule cosineRestarts(int first, int multiplier, double minimum) {
    requireSteps(first);
    requireMinimum(minimum);
    Optimizer.require(multiplier >= 1, "a cycle is at least as long as the one before, not " + multiplier + " times");
    return step -> {
      long length = first;
      long since = multiplier == 1 ? step % first : step;
      while (since >= length) {
        since -= length;
        length *= multiplier;
      }
      return cosine(1, minimum, (double) since / length);
    };
  }

  /**
   * Grows linearly to the beginning of {@code then} in {@code steps} steps, the first being {@code 1 / steps} of
   * it: Goyal et al., Accurate, large minibatch SGD, 2017, section 2.2.
   */
  public static Schedule warmup(int steps, Schedule then) {
    requireSteps(steps);
    return new DerivedSchedule(then,
        step -> step < steps ? (step + 1.0) / steps * then.factor(0) : then.factor(step - steps));
  }

  /**
   * {@link #oneCycle(int, double, double, double)} as PyTorch has it: 30 % rise from 1/25, then a fall to 1/250
   * 000.
   */
  public static Schedule oneCycle(int steps) {
    return oneCycle(steps, 0.3, 25, 1e4);
  }

  /**
   * One rise and one longer fall, both along half a cosine: Smith and Topin, Super-convergence, 2018. The optimizer's
   * learning rate is the largest; momentum stays as it is.
   *
   * @param steps of the whole training; later ones stay at the end
   * @param rise share of the steps until the largest rate
   * @param initialDivisor the first rate is the largest divided by it
   * @param finalDivisor the last rate is the first divided by it
   */
  public static Schedule oneCycle(int steps, double rise, double initialDivisor, double finalDivisor) {
    requireSteps(steps);
    Optimizer.require(rise >= 0 && rise <= 1, "the rise takes a share between 0 and 1 of the steps, not " + rise);
    Optimizer.require(initialDivisor >= 1 && finalDivisor >= 1, "the divisors of a cycle must be at least 1, not "
        + initialDivisor + " and " + finalDivisor);
    double initial = 1 / initialDivisor;
    double top = rise * steps - 1;
    double end = steps - 1;
    double fall = end - Math.max(top, 0);
    return step -> top > 0 && step <= top ? cosine(initial, 1, step / top)
        : cosine(1, initial / finalDivisor, fall > 0 ? (step - Math.max(top, 0)) / fall : 1);
  }

  /** From {@code a} to {@code b} while {@code share} goes from 0 to 1. */
  private static double cosine(double a, double b, double share) {
    return b + (a - b) * (1 + Math.cos(Math.PI * Math.min(1, share))) / 2;
  }

  private static void requireSteps(int steps) {
    Optimizer.require(steps > 0, "a schedule takes at least 1 step, not " + steps);
  }

  private static void requireDecay(double gamma) {
    Optimizer.require(gamma > 0 && gamma <= 1, "gamma must lie above 0 and be at most 1, not " + gamma);
  }

  static void requireMinimum(double minimum) {
    Optimizer.require(minimum >= 0 && minimum <= 1,
        "the least learning rate is a fraction of the optimizer's, 0 to 1, not " + minimum);
  }
}
