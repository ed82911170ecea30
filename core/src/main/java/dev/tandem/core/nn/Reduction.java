package dev.tandem.core.nn;

/** What a loss makes of the losses of single elements or examples. */
public enum Reduction {
  /** Their mean, a scalar; weighted if there are weights. */
  MEAN,
  /** Their sum, a scalar. */
  SUM,
  /** Leaves them as they are. */
  NONE
}
