package dev.tandem.core.op;

import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Cross-correlation, which the field calls convolution: {@code x [N, C, H, W], weight [O, C / groups, KH, KW] -> [N, O, OH, OW]},
 * all F32, or all BF16 and summed in fp32.
 *
 * @param tf32 as in {@link Product}
 */
public record Conv2d(ConvGeometry geometry, boolean tf32) implements Product {
  public Conv2d(ConvGeometry geometry) {
    this(geometry, false);
  }

  @Override
  public Conv2d withTf32(boolean rounded) {
    return new Conv2d(geometry, rounded);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "image and weight");
    return List.of(new Spec(geometry.output(in.get(0).shape(), in.get(1).shape()), Op.sameFloat(in)));
  }
}
