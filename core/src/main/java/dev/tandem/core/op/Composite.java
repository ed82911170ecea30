package dev.tandem.core.op;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Operations that a backend may claim as one. A forward composite that no one claims is decomposed into mandatory operations, whose
 * gradients the tape knows; one that is claimed says here which composite is its gradient. Where a backend claims the first and not
 * the second, the decomposition is differentiated instead.
 */
public sealed interface Composite extends Op
    permits SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad, Recurrent, RecurrentGrad, Normalize, NormalizeGrad {
  /** The composite that computes this one's gradients; null for one that is a gradient itself. */
  default @Nullable Composite gradient() {
    return null;
  }

  /** What {@link #gradient} reads, picked from this operation's inputs, its outputs (the trailing ones too), and one gradient for each
   * of its results through which gradients flow. */
  default <T> List<T> gradientOperands(List<T> in, List<T> out, List<T> gradients) {
    return List.of();
  }

  /** The inputs of this operation that the outputs of {@link #gradient} are the gradients of, in order. */
  default List<Integer> gradientTargets() {
    return List.of();
  }
}
