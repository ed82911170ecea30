package dev.tandem.core.op;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * The gradient of {@link Conv2d} by its image, and the forward pass of a transposed convolution:
 * {@code gradOutput [N, O, OH, OW], weight [O, C / groups, KH, KW] -> [N, C, H, W]}.
 *
 * @param height H; several heights give the same OH when the stride is above 1
 * @param width W
 * @param tf32 as in {@link Product}
 */
public record Conv2dGradInput(ConvGeometry geometry, int height, int width, boolean tf32) implements Product {
  public Conv2dGradInput(ConvGeometry geometry, int height, int width) {
    this(geometry, height, width, false);
  }

  @Override
  public Conv2dGradInput withTf32(boolean rounded) {
    return new Conv2dGradInput(geometry, height, width, rounded);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "gradient of the output and weight");
    Shape g = in.get(0).shape();
    Shape weight = in.get(1).shape();
    ShapeException.require(g.rank() == 4 && weight.rank() == 4,
        "wants gradient [N, O, OH, OW] and weight [O, C / groups, KH, KW]");
    Shape x = Shape.of(g.dim(0), weight.dim(1) * geometry.groups(), height, width);
    Shape expected = geometry.output(x, weight);
    if (!expected.equals(g)) {
      throw new ShapeException("an image " + x + " gives " + expected + ", not " + g);
    }
    return List.of(new Spec(x, Op.sameFloat(in)));
  }
}
