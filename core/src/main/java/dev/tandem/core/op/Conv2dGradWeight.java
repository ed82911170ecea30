package dev.tandem.core.op;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * The gradient of {@link Conv2d} by its weight:
 * {@code x [N, C, H, W], gradOutput [N, O, OH, OW] -> [O, C / groups, KH, KW]}.
 *
 * @param tf32 as in {@link Product}
 */
public record Conv2dGradWeight(ConvGeometry geometry, int kernelHeight, int kernelWidth, boolean tf32)
    implements Product {
  public Conv2dGradWeight(ConvGeometry geometry, int kernelHeight, int kernelWidth) {
    this(geometry, kernelHeight, kernelWidth, false);
  }

  @Override
  public Conv2dGradWeight withTf32(boolean rounded) {
    return new Conv2dGradWeight(geometry, kernelHeight, kernelWidth, rounded);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "image and gradient of the output");
    Shape x = in.get(0).shape();
    Shape g = in.get(1).shape();
    ShapeException.require(x.rank() == 4 && g.rank() == 4, "wants image [N, C, H, W] and gradient [N, O, OH, OW]");
    ShapeException.require(x.dim(1) % geometry.groups() == 0, "the channels of the image do not fall into the groups");
    Shape weight = Shape.of(g.dim(1), x.dim(1) / geometry.groups(), kernelHeight, kernelWidth);
    Shape expected = geometry.output(x, weight);
    if (!expected.equals(g)) {
      throw new ShapeException("image " + x + " and weight " + weight + " give " + expected + ", not " + g);
    }
    return List.of(new Spec(weight, Op.sameFloat(in)));
  }
}
