package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * {@code [..., M, K] x [..., K, N] -> [..., M, N]}, all F32, or all BF16 and summed in fp32 (or all F64). Transposition and repeated batches are matters of
 * strides.
 *
 * @param accumulate whether the product is added to what the output holds
 * @param tf32 as in {@link Product}
 */
public record MatMul(boolean accumulate, boolean tf32) implements Product {
  public MatMul(boolean accumulate) {
    this(accumulate, false);
  }

  @Override
  public MatMul withTf32(boolean rounded) {
    return new MatMul(accumulate, rounded);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "two matrices");
    DType type = Op.sameFloat(in);
    Shape a = in.get(0).shape();
    Shape b = in.get(1).shape();
    ShapeException.require(a.rank() >= 2 && a.rank() == b.rank(), "operands need the same rank, at least 2");
    if (a.dim(-1) != b.dim(-2)) {
      throw new ShapeException(
          "columns of the first (" + a.dim(-1) + ") and rows of the second (" + b.dim(-2) + ") disagree"
              + (a.dim(-1) == b.dim(-1) ? "; transpose the second?"
                  : a.dim(-2) == b.dim(-2) ? "; transpose the first?" : ""));
    }
    for (int i = 0; i < a.rank() - 2; i++) {
      if (a.dim(i) != b.dim(i)) {
        throw new ShapeException(
            "batch axis " + i + " is " + a.dim(i) + " in the first and " + b.dim(i) + " in the second");
      }
    }
    return List.of(new Spec(a.with(-1, b.dim(-1)), type));
  }
}
