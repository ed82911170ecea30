package dev.tandem.core.train;

import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Tensor;
import java.util.function.BinaryOperator;

/** The usual metrics. */
public final class Metrics {
  private record Named(String name, BinaryOperator<Tensor> sum) implements Metric {
    @Override
    public Tensor total(Tensor output, Tensor target) {
      return sum.apply(output, target);
    }
  }

  private Metrics() {
  }

  /** The share of samples whose largest of {@code logits [N, C]} is at the label, I32 [N]. */
  public static Metric accuracy() {
    return new Named("accuracy", (logits, labels) -> logits.argmax(1).equalTo(labels).to(DType.I32).sum());
  }

  /** The share of samples whose {@code logits} (any shape) are above 0 exactly where the target is above a half. */
  public static Metric binaryAccuracy() {
    return new Named("accuracy",
        (logits, targets) -> logits.greater(0).equalTo(targets.greater(0.5)).to(DType.F32).sum()
            .div(Math.max(1, logits.shape().size() / (double) Math.max(1, logits.shape().dim(0)))));
  }

  /** The mean absolute difference from the target, over all elements of a sample. */
  public static Metric meanAbsoluteError() {
    return new Named("mae", (output, target) -> output.sub(target).abs().sum()
        .div(Math.max(1, output.shape().size() / (double) Math.max(1, output.shape().dim(0)))));
  }
}
