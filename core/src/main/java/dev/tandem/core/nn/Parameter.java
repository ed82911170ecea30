package dev.tandem.core.nn;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Tensor;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A named place for persistent values: trained, or (a buffer such as a running mean) only kept. Empty until its model is put on a
 * device; from then on its memory never moves, loading writes into it.
 */
public final class Parameter {
  private final String name;
  private final Shape shape;
  private final Initializer initializer;
  private final boolean trained;
  private @Nullable Tensor tensor;
  private @Nullable ParameterBuffer buffer;
  private long offset;

  Parameter(String name, Shape shape, Initializer initializer, boolean trained) {
    this.name = name;
    this.shape = shape;
    this.initializer = initializer;
    this.trained = trained;
  }

  HostArray initialValues(RandomGenerator random) {
    float[] values = new float[Math.toIntExact(shape.size())];
    initializer.fill(values, shape, random);
    return HostArray.of(values, shape.dims());
  }

  /** Gives a trained parameter its part of the model's buffer, or a kept one memory of its own. */
  void place(Tensor memory, @Nullable ParameterBuffer in, long at) {
    tensor = memory;
    buffer = in;
    offset = at;
  }

  /** The values; a leaf to which gradients flow if the parameter is trained.
   *
   * @throws IllegalStateException before the model is on a device
   */
  public Tensor tensor() {
    ShapeInference shapes = ShapeInference.current();
    if (shapes != null) {
      return shapes.standIn(this);
    }
    if (tensor == null) {
      throw new IllegalStateException(
          "parameter " + name + " " + shape + " has no values yet; call on(device, seed) on the model");
    }
    return tensor;
  }

  /** Its name within its own module: {@code weight}. */
  public String name() {
    return name;
  }

  public Shape shape() {
    return shape;
  }

  public DType dtype() {
    return DType.F32;
  }

  public boolean isTrained() {
    return trained;
  }

  /** The buffer that holds it; null for a kept one, and before the model is on a device. */
  public @Nullable ParameterBuffer buffer() {
    return buffer;
  }

  /** The element of {@link #buffer} where it begins. */
  public long offset() {
    return offset;
  }
}
