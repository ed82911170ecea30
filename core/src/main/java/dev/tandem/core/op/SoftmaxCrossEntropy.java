package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * {@code logits [N, C], labels [N] I32 -> loss [N], logSumExp [N, 1]}; the second output serves the gradient. The loss of row n is
 * {@code log(sum_c exp(logits[n, c])) - logits[n, labels[n]]}; a label outside 0 to C - 1 picks no logit.
 */
public record SoftmaxCrossEntropy() implements Composite {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 2, "logits and labels");
    Shape logits = in.get(0).shape();
    Shape labels = in.get(1).shape();
    ShapeException.require(logits.rank() == 2 && logits.dim(1) > 0, "logits must be [N, C]");
    DType type = Op.sameWide(in.subList(0, 1));
    if (in.get(1).dtype() != DType.I32) {
      throw new ShapeException("labels must be I32 class indices, not " + in.get(1).dtype());
    }
    if (!labels.equals(Shape.of(logits.dim(0)))) {
      throw new ShapeException(
          "labels must be [" + logits.dim(0) + "], one class index per row of the logits, not " + labels);
    }
    return List.of(new Spec(labels, type), new Spec(Shape.of(logits.dim(0), 1), type));
  }

  @Override
  public int results(int outputs) {
    return 1;
  }

  @Override
  public Composite gradient() {
    return new SoftmaxCrossEntropyGrad();
  }

  @Override
  public <T> List<T> gradientOperands(List<T> in, List<T> out, List<T> gradients) {
    return List.of(in.get(0), in.get(1), out.get(1), gradients.get(0));
  }

  @Override
  public List<Integer> gradientTargets() {
    return List.of(0);
  }
}
