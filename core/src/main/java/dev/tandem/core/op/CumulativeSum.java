package dev.tandem.core.op;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Running sums along an axis, F32 (or F64: 8 bits are too few to sum up in), each including its own element. A mandatory op because no composition of the others
 * does it in linear time.
 *
 * @param axis counted from the front
 * @param reverse from the end towards the beginning: the gradient of the forward direction
 */
public record CumulativeSum(int axis, boolean reverse) implements Op {
  public CumulativeSum {
    ShapeException.require(axis >= 0, "axes of operations are counted from the front");
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 1, "a tensor");
    in.get(0).shape().axis(axis);
    return List.of(new Spec(in.get(0).shape(), Op.sameWide(in)));
  }
}
