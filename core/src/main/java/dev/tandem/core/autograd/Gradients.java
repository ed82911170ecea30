package dev.tandem.core.autograd;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gradients by leaf. A value of the step, not a field of the parameters: nothing to zero, nothing that outlives its memory. */
public final class Gradients {
  private final Map<Tensor, Tensor> byLeaf;

  Gradients(Map<Tensor, Tensor> byLeaf) {
    this.byLeaf = byLeaf;
  }

  /** Backpropagates from a scalar loss and consumes the tape.
   *
   * @throws ShapeException if the loss has more than one element
   * @throws IllegalStateException outside a training step; if no gradient flows to the loss, or its tape was consumed already; if a
   *     value that a gradient needs was overwritten
   */
  public static Gradients of(Tensor loss) {
    Scope scope = Scope.requireTraining("Gradients.of");
    if (loss.shape().size() != 1) {
      throw new ShapeException("the loss must be a single number, not " + loss + "; take its mean() or sum()");
    }
    if (!(scope.recorder() instanceof Tape tape)) {
      throw new IllegalStateException("this step has no tape");
    }
    return tape.backward(loss, Tensor.full(loss.device(), 1, loss.shape().dims()).to(loss.dtype()));
  }

  /** The gradient by {@code leaf}, of its shape; null when the loss does not depend on it. */
  public @Nullable Tensor get(Tensor leaf) {
    return byLeaf.get(leaf);
  }

  /** The sum with gradients of another backward pass of the same step. */
  public Gradients plus(Gradients other) {
    Map<Tensor, Tensor> sum = new IdentityHashMap<>(byLeaf);
    other.byLeaf.forEach((leaf, g) -> sum.merge(leaf, g, Tensor::add));
    return new Gradients(sum);
  }

  /** These gradients, those of some leaves replaced. */
  public Gradients with(Map<Tensor, Tensor> replacements) {
    Map<Tensor, Tensor> all = new IdentityHashMap<>(byLeaf);
    all.putAll(replacements);
    return new Gradients(all);
  }

  List<@Nullable Tensor> tensors() {
    return List.copyOf(byLeaf.values());
  }
}
