package dev.tandem.core.optim;

import java.util.Map;

/**
 * How an optimizer's learning rate changes while training, see {@link Schedules}. Most are functions of the step alone,
 * so a resumed training goes on as it would have; one with a memory says what it must be given to do the same.
 */
@FunctionalInterface
public interface Schedule {
  /** What the optimizer's learning rate is multiplied by in {@code step}, counted from 0. */
  double factor(int step);

  /** Is told the validation loss, or without validation data the training loss, after each epoch. */
  default void observe(double loss) {
  }

  /** What a checkpoint must keep: short values by name. */
  default Map<String, String> state() {
    return Map.of();
  }

  /** Goes on from a {@link #state}; with an empty one as it is.
   *
   * @throws IllegalArgumentException if it is not a state of such a schedule; then nothing has changed
   */
  default void loadState(Map<String, String> state) {
  }

  /**
   * This schedule counting in units of {@code steps} steps: {@code step(30, 0.1).every(loader.batches())} counts
   * epochs.
   */
  default Schedule every(int steps) {
    Optimizer.require(steps > 0, "a schedule counts in units of at least 1 step, not " + steps);
    return new DerivedSchedule(this, step -> factor(step / steps));
  }
}
