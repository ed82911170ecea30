package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/** One less the cosine along the last axis, see {@link Losses#cosineSimilarity}. */
final class CosineLoss extends FramedLoss {
  private final Reduction reduction;

  CosineLoss(Reduction reduction) {
    super("cosineSimilarity");
    this.reduction = reduction;
  }

  @Override
  Tensor compute(Tensor output, Tensor target) {
    if (output.shape().isScalar() || !output.shape().equals(target.shape())) {
      throw mistake(output, target, "both must be vectors [..., D] of equal shape, nothing is broadcast");
    }
    if (reduction == Reduction.MEAN && output.shape().size() == 0) {
      throw mistake(output, target, "there is no mean of no examples");
    }
    return reduction.of(Similarities.cosine(output, target, -1).subtractFrom(1));
  }
}
