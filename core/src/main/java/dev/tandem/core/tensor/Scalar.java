package dev.tandem.core.tensor;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;

/** A number that the host sets between steps and programs read as an operand of shape []: a learning rate, a loss weight. */
public final class Scalar {
  private final Tensor tensor;
  private double value;

  public Scalar(Device device, double value) {
    tensor = Tensor.persistentZeros(device, new Spec(Shape.of(), DType.F32), "scalars");
    set(value);
  }

  /** Seen by the next step, replayed or not. */
  public void set(double value) {
    this.value = value;
    tensor.write(HostArray.of(new float[] {(float) value}));
  }

  public double value() {
    return value;
  }

  /** F32 []. */
  public Tensor tensor() {
    return tensor;
  }
}
