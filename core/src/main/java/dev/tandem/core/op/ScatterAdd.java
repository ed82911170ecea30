package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Adds rows into zeros, in index order so that sums are reproducible: {@code values [N, D] F32 or BF16, indices [N] I32 ->
 * [rows, D]} of the dtype of the values; BF16 is summed in fp32 and rounded once.
 *
 * @param rows of the result; an index outside 0 to rows - 1 is an {@link IndexOutOfBoundsException} where the backend can raise one
 */
public record ScatterAdd(int rows) implements Op {
  public ScatterAdd {
    ShapeException.require(rows >= 0, "rows must not be negative");
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "values and indices");
    Shape values = in.get(0).shape();
    Shape indices = in.get(1).shape();
    ShapeException.require(values.rank() == 2 && indices.rank() == 1, "wants values [N, D] and indices [N]");
    if (in.get(1).dtype() != DType.I32) {
      throw new ShapeException("indices must be I32, not " + in.get(1).dtype() + "; convert with to(DType.I32)");
    }
    if (values.dim(0) != indices.dim(0)) {
      throw new ShapeException(values.dim(0) + " rows of values and " + indices.dim(0) + " indices");
    }
    DType type = Op.sameFloat(in.subList(0, 1));
    return List.of(new Spec(Shape.of(rows, values.dim(1)), type));
  }
}
