package dev.tandem.core.op;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/** {@code logits [N, C], labels [N] I32, logSumExp [N, 1], gradLoss [N] -> gradLogits [N, C]}. */
public record SoftmaxCrossEntropyGrad() implements Composite {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 4, "logits, labels, log-sum-exp and gradient of the loss");
    List<Spec> forward = new SoftmaxCrossEntropy().outputs(in.subList(0, 2));
    if (!in.get(2).equals(forward.get(1)) || !in.get(3).equals(forward.get(0))) {
      throw new ShapeException(
          "log-sum-exp must be " + forward.get(1) + " and the gradient of the loss " + forward.get(0));
    }
    return List.of(in.get(0));
  }
}
