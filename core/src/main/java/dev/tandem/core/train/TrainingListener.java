package dev.tandem.core.train;

/** Is told how a training goes. An exception thrown here ends it. */
public interface TrainingListener {
  /** @param epoch from 1
   * @param epochs to be trained in all, earlier ones of a resumed training included
   * @param steps of this epoch
   * @param samples of this epoch */
  default void epochStarted(int epoch, int epochs, long steps, long samples) {
  }

  /** Called once for each step, in order, on the thread that trains. Where the device computes by itself, later steps may have begun: the
   * model may be that of a step up to 16 further. At the end of an epoch, and when a training is interrupted, every step was told.
   *
   * @param step from 1 within the epoch
   * @param loss of this step
   * @param samples of this epoch so far */
  default void stepEnded(int epoch, long step, float loss, long samples) {
  }

  default void validationStarted(int epoch) {
  }

  default void epochEnded(EpochResult result) {
  }
}
