package dev.tandem.core.nn;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.Collection;

/**
 * All trained parameters of a model in one flat tensor, and their gradients in another like it, so that an optimizer, clipping or an
 * all-reduce is one operation. Each parameter begins at a multiple of {@value #ALIGNMENT} elements; the gaps are and stay zero.
 */
public final class ParameterBuffer {
  /** In elements: a cache line of floats. */
  static final int ALIGNMENT = 16;

  private final Tensor values;
  private final Tensor gradients;

  ParameterBuffer(Device device, Collection<Parameter> parameters, String what) {
    long n = 0;
    for (Parameter p : parameters) {
      n += aligned(p.shape().size());
    }
    if (n > Integer.MAX_VALUE) {
      throw new ShapeException(what + " has " + n + " parameters; at most " + Integer.MAX_VALUE + " fit one buffer");
    }
    Spec spec = new Spec(Shape.of((int) n), DType.F32);
    values = Tensor.persistentZeros(device, spec, "parameters of " + what);
    gradients = Tensor.persistentZeros(device, spec, "gradients of " + what);
    int at = 0;
    for (Parameter p : parameters) {
      int end = at + (int) p.shape().size();
      p.place(view(values, at, end, p.shape()).requireGrad(view(gradients, at, end, p.shape())), this, at);
      at += (int) aligned(p.shape().size());
    }
  }

  static long aligned(long elements) {
    return (elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static Tensor view(Tensor of, int from, int to, Shape shape) {
    return of.quietView(new View.Slice(0, from, to, 1)).quietView(new View.Reshape(shape));
  }

  /** F32 [n]: the parameters, those of two and more dimensions first, each kind in the order of declaration. */
  public Tensor values() {
    return values;
  }

  /** F32 [n]: what the last backward pass wrote. */
  public Tensor gradients() {
    return gradients;
  }
}
