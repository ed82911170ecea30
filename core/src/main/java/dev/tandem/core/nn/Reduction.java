package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** What a loss makes of the losses of single elements or examples. */
public enum Reduction {
  /** Their mean, a scalar; weighted if there are weights. */
  MEAN,
  /** Their sum, a scalar. */
  SUM,
  /** Leaves them as they are. */
  NONE;

  /** What this makes of equally weighted losses. */
  Tensor of(Tensor losses) {
    return switch (this) {
      case MEAN -> losses.mean();
      case SUM -> losses.sum();
      case NONE -> losses;
    };
  }
}
