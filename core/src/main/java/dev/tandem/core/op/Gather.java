package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Rows of a table of any dtype: {@code table [V, D], indices [N] I32 -> [N, D]}. An index outside 0 to V - 1 is an
 * {@link IndexOutOfBoundsException} where the backend can raise one.
 */
public record Gather() implements Op {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "table and indices");
    Shape table = in.get(0).shape();
    Shape indices = in.get(1).shape();
    ShapeException.require(table.rank() == 2 && indices.rank() == 1, "wants table [V, D] and indices [N]");
    if (in.get(1).dtype() != DType.I32) {
      throw new ShapeException("indices must be I32, not " + in.get(1).dtype() + "; convert with to(DType.I32)");
    }
    return List.of(new Spec(Shape.of(indices.dim(0), table.dim(1)), in.get(0).dtype()));
  }
}
