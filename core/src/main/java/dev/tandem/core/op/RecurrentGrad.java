package dev.tandem.core.op;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Backpropagation through time: the operands of {@code forward}, all its outputs, and a gradient for each of its results (y, hN, and
 * cN of an LSTM) {@code ->} the gradients of all its operands but the lengths, in their order.
 */
public record RecurrentGrad(Recurrent forward) implements Composite, Product {
  @Override
  public boolean tf32() {
    return forward.tf32();
  }

  @Override
  public RecurrentGrad withTf32(boolean rounded) {
    return new RecurrentGrad(forward.withTf32(rounded));
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    int operands = forward.operands();
    ShapeException.require(in.size() > operands, "wants the operands, the outputs and gradients of the results");
    List<Spec> made = forward.outputs(in.subList(0, operands));
    int results = forward.results(made.size());
    Op.arity(in, operands + made.size() + results, "the operands, the outputs and gradients of the results");
    List<Spec> given = in.subList(operands, in.size());
    for (int i = 0; i < given.size(); i++) {
      Spec wanted = made.get(i < made.size() ? i : i - made.size());
      if (!given.get(i).equals(wanted)) {
        throw new ShapeException((i < made.size() ? "output " + i : "the gradient of output " + (i - made.size()))
            + " of the forward pass must be " + wanted + ", not " + given.get(i));
      }
    }
    return in.subList(0, forward.weights() + 4);
  }
}
