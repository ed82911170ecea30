package dev.tandem.core.train;

import java.util.List;

/** The epochs of a training, in order. */
public record History(List<EpochResult> epochs) {
  public History {
    epochs = List.copyOf(epochs);
  }

  /** The last epoch. */
  public EpochResult last() {
    return epochs.getLast();
  }
}
