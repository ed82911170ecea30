package dev.tandem.core.op;

import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Cross-correlation, which the field calls convolution: {@code x [N, C, H, W], weight [O, C / groups, KH, KW] -> [N, O, OH, OW]}.
 */
public record Conv2d(ConvGeometry geometry) implements Op {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "image and weight");
    return List.of(new Spec(geometry.output(in.get(0).shape(), in.get(1).shape()), Op.sameFloat(in)));
  }
}
