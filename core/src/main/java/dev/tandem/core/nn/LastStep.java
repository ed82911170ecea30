package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/**
 * The last step of sequences: {@code [N, T, H] -> [N, H]}. For sequences of different lengths, and for the backward direction of a
 * bidirectional layer, take {@code h} of the layer's result instead.
 */
public final class LastStep extends Module {
  private final int timeAxis;

  /** @param timeAxis 1 for {@code [N, T, H]}, 0 for {@code [T, N, H]} */
  public LastStep(int timeAxis) {
    this.timeAxis = timeAxis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return x.select(timeAxis, -1);
  }
}
