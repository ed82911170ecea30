package dev.tandem.core.op;

import dev.tandem.core.shape.Spec;
import java.util.List;

/** {@code logits [N, C], labels [N] I32, logSumExp [N, 1], gradLoss [N] -> gradLogits [N, C]}. */
public record SoftmaxCrossEntropyGrad() implements Composite {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, 4, "logits, labels, log-sum-exp and gradient of the loss");
    return List.of(in.get(0));
  }
}
