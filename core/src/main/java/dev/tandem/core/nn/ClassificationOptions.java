package dev.tandem.core.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * How a loss over class labels counts:
 * {@code ClassificationOptions.DEFAULT.withLabelSmoothing(0.1).withIgnoreIndex(-100)}.
 *
 * @param classWeights factor for the examples of each class, empty for 1; the mean divides by the sum of the weights of
 *     the labels
 * @param ignoreIndex a label, which need not be a class, whose examples count for nothing; none by default
 * @param labelSmoothing share of the target spread evenly over all classes, 0 to 1: Szegedy et al. 2016, section 7
 */
public record ClassificationOptions(List<Float> classWeights, OptionalInt ignoreIndex, double labelSmoothing,
    Reduction reduction) {
  /** The mean over all examples. */
  public static final ClassificationOptions DEFAULT =
      new ClassificationOptions(List.of(), OptionalInt.empty(), 0, Reduction.MEAN);

  public ClassificationOptions {
    classWeights = List.copyOf(classWeights);
    for (float w : classWeights) {
      if (!(w >= 0) || w == Float.POSITIVE_INFINITY) {
        throw new IllegalArgumentException("class weight " + w + "; weights are finite and not negative");
      }
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new IllegalArgumentException("label smoothing of " + labelSmoothing + "; it must lie between 0 and 1");
    }
  }

  /** @param weights one per class */
  public ClassificationOptions withClassWeights(float... weights) {
    List<Float> list = new ArrayList<>();
    for (float w : weights) {
      list.add(w);
    }
    return new ClassificationOptions(list, ignoreIndex, labelSmoothing, reduction);
  }

  public ClassificationOptions withIgnoreIndex(int label) {
    return new ClassificationOptions(classWeights, OptionalInt.of(label), labelSmoothing, reduction);
  }

  public ClassificationOptions withLabelSmoothing(double share) {
    return new ClassificationOptions(classWeights, ignoreIndex, share, reduction);
  }

  public ClassificationOptions withReduction(Reduction r) {
    return new ClassificationOptions(classWeights, ignoreIndex, labelSmoothing, r);
  }
}
