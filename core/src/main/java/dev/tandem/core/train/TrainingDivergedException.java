package dev.tandem.core.train;

/** The loss became infinite or not a number; training on would spoil every parameter. */
public final class TrainingDivergedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public TrainingDivergedException(String message) {
    super(message);
  }
}
