package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** {@link Activations#maxout} as a layer: {@code [..., C] -> [..., C / k]}. */
public final class Maxout extends Module {
  private final int k;
  private final int axis;

  /** Over the last axis, as it follows a {@link Linear}. */
  public Maxout(int k) {
    this(k, -1);
  }

  /** @param axis of the channels: 1 for images {@code [N, C, H, W]} */
  public Maxout(int k, int axis) {
    this.k = k;
    this.axis = axis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Activations.maxout(x, k, axis);
  }
}
