package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** Makes one axis of all from {@code fromAxis} on: {@code [N, C, H, W] -> [N, C * H * W]}. */
public final class Flatten extends Module {
  private final int fromAxis;

  /** From axis 1 on, which keeps the batch. */
  public Flatten() {
    this(1);
  }

  public Flatten(int fromAxis) {
    this.fromAxis = fromAxis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return x.flatten(fromAxis);
  }
}
