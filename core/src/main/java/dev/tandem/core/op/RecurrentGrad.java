package dev.tandem.core.op;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * Backpropagation through time: the operands of {@code forward}, all its outputs, and a gradient for each of its results (y, hN, and
 * cN of an LSTM) {@code ->} the gradients of all its operands but the lengths, in their order. What lies between the results and the
 * gradients is the memory of the forward pass, whose number and shapes are the business of the backend that computed it.
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
    int results = 1 + forward.cell().states();
    ShapeException.require(in.size() >= operands + 2 * results,
        "wants the operands, the outputs and gradients of the results");
    List<Spec> made = forward.outputs(in.subList(0, operands)).subList(0, results);
    List<Spec> computed = in.subList(operands, operands + results);
    List<Spec> gradients = in.subList(in.size() - results, in.size());
    for (int i = 0; i < results; i++) {
      same(computed.get(i), made.get(i), "output " + i);
      same(gradients.get(i), made.get(i), "the gradient of output " + i);
    }
    return in.subList(0, forward.weights() + 4);
  }

  private static void same(Spec given, Spec wanted, String what) {
    if (!given.equals(wanted)) {
      throw new ShapeException(what + " of the forward pass must be " + wanted + ", not " + given);
    }
  }
}
