package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/**
 * The input and what a body makes of it, side by side along one axis: the connection of U-Net (Ronneberger, Fischer, Brox 2015) and
 * DenseNet (Huang et al. 2017). {@code [N, C, ...] -> [N, C + C', ...]} along axis 1, for a body that gives {@code [N, C', ...]}. State:
 * {@code body.*}.
 */
public final class SkipConcat extends Module {
  private final Module body;
  private final int axis;

  /** @param axis of the channels: 1 for images {@code [N, C, H, W]}, -1 for features */
  public SkipConcat(Module body, int axis) {
    this.body = child("body", body);
    this.axis = axis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Tensor.concat(axis, x, body.apply(x));
  }
}
