package dev.tandem.core.train;

/**
 * How long to train: {@code epochs(5)}, {@code epochs(5).steps(100)}.
 *
 * @param epochs passes over the training data
 * @param steps training steps after which an epoch ends early; {@link Integer#MAX_VALUE} for all
 */
public record Epochs(int epochs, int steps) {
  public Epochs {
    if (epochs < 1 || steps < 1) {
      throw new IllegalArgumentException("epochs and steps must be at least 1, not " + epochs + " and " + steps);
    }
  }

  public static Epochs epochs(int n) {
    return new Epochs(n, Integer.MAX_VALUE);
  }

  /** With each epoch ended after {@code n} steps. */
  public Epochs steps(int n) {
    return new Epochs(epochs, n);
  }
}
