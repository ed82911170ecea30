package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** {@link Activations#softmax} as a layer. */
public final class Softmax extends Module {
  private final int axis;

  /** @param axis along which the classes lie; negative axes count from the end */
  public Softmax(int axis) {
    this.axis = axis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Activations.softmax(x, axis);
  }
}
