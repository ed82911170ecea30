package dev.tandem.core.op;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * The gradient of {@link Pool2d}: {@code x [N, C, H, W], gradOutput [N, C, OH, OW] -> [N, C, H, W]}. For a maximum the whole
 * gradient of a window goes to its first largest element in row-major order (the first NaN if there is one), found again in
 * {@code x}; an average reads only the shape of {@code x}.
 */
public record Pool2dGrad(PoolGeometry geometry) implements Op {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "image and gradient of the output");
    Shape expected = geometry.output(in.get(0).shape());
    if (!expected.equals(in.get(1).shape())) {
      throw new ShapeException("image " + in.get(0).shape() + " gives " + expected + ", not " + in.get(1).shape());
    }
    return List.of(new Spec(in.get(0).shape(), Op.sameFloat(in)));
  }
}
