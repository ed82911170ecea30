package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An operation as data. Equal records are the same work, so that a record is a cache key. All but {@link Composite} are mandatory
 * for every backend. Operands may be strided views, outputs too; only {@link Pointwise} may write an operand that it also reads.
 */
public sealed interface Op
    permits Pointwise, Reduce, Product, Pool2d, Pool2dGrad, Gather, ScatterAdd, CumulativeSum, Composite {

  /** Checks the operands and says what the operation makes of them.
   *
   * @throws ShapeException if the operands do not fit; its message says what disagrees
   */
  List<Spec> outputs(List<Spec> in);

  /** How errors and profiles call it. */
  default String name() {
    return getClass().getSimpleName();
  }

  /** How many leading outputs a caller gets; the others serve the gradient and only the tape holds them. */
  default int results(int outputs) {
    return outputs;
  }

  /** Through how many leading results gradients flow: all, unless some are by-products such as statistics. */
  default int differentiable(int outputs) {
    return results(outputs);
  }

  /** Checks the number of operands. */
  static void arity(List<Spec> in, int wanted, String what) {
    if (in.size() != wanted) {
      throw new ShapeException("wants " + wanted + " operands (" + what + "), got " + in.size());
    }
  }

  /** The dtype all operands share, F32, BF16 or F64. */
  static DType sameFloat(List<Spec> in) {
    DType first = in.get(0).dtype();
    for (Spec s : in) {
      if (s.dtype() != first || !first.isFloat()) {
        throw notAll(first, s.dtype());
      }
    }
    return first;
  }

  /** The dtype all operands share, F32 or F64. */
  static DType sameWide(List<Spec> in) {
    DType first = sameFloat(in);
    if (first == DType.BF16) {
      throw notAll(DType.F32, DType.F32);
    }
    return first;
  }

  private static ShapeException notAll(DType one, DType other) {
    String instead = Stream.of(DType.F64, DType.BF16).filter(t -> t == one || t == other)
        .map(t -> " (or all " + t + ")").collect(Collectors.joining());
    return new ShapeException("operands must be F32" + instead + "; convert with to(DType.F32)");
  }

  /** What arithmetic on these operands gives: F64 if one is F64, else F32. */
  static DType computed(List<Spec> in) {
    for (Spec s : in) {
      if (s.dtype() == DType.F64) {
        return DType.F64;
      }
    }
    return DType.F32;
  }
}
