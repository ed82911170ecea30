package dev.tandem.core.op;

import dev.tandem.core.shape.Spec;
import java.util.List;

/** Pooling: {@code x [N, C, H, W] -> [N, C, OH, OW]}. */
public record Pool2d(PoolGeometry geometry) implements Op {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 1, "an image");
    return List.of(new Spec(geometry.output(in.get(0).shape()), Op.sameFloat(in)));
  }
}
