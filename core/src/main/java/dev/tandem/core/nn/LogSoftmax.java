package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** {@link Activations#logSoftmax} as a layer. */
public final class LogSoftmax extends Module {
  private final int axis;

  /** @param axis along which the classes lie; negative axes count from the end */
  public LogSoftmax(int axis) {
    this.axis = axis;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Activations.logSoftmax(x, axis);
  }
}
