package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Several losses of one model as one number to minimise, {@code J = sum_i w_i J_i}, each of an output and a target of its name.
 *
 * <pre>{@code
 * var losses = WeightedLosses.of("class", Losses.crossEntropy(), 1).and("box", Losses.huber(1), 0.5);
 * WeightedLosses.Values j = losses.apply(model.apply(inputs), targets);
 * optimizer.update(Gradients.of(j.total()));
 * }</pre>
 */
public final class WeightedLosses {
  private record Term(String name, Loss loss, double weight) {
  }

  /**
   * @param total the weighted sum, a scalar
   * @param terms each loss by name, without its weight
   */
  public record Values(Tensor total, Map<String, Tensor> terms) {
  }

  private final List<Term> terms;

  private WeightedLosses(List<Term> terms) {
    this.terms = List.copyOf(terms);
  }

  /**
   * The loss of the output and the target called {@code name}.
   *
   * @param weight its factor, fixed in a replayed step
   */
  public static WeightedLosses of(String name, Loss loss, double weight) {
    return new WeightedLosses(List.of()).and(name, loss, weight);
  }

  /** These losses and another one. */
  public WeightedLosses and(String name, Loss loss, double weight) {
    if (!(weight >= 0) || weight == Double.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "loss " + name + " with weight " + weight + "; it must be finite and not negative");
    }
    if (terms.stream().anyMatch(t -> t.name.equals(name))) {
      throw new IllegalArgumentException("there already is a loss of " + name);
    }
    List<Term> more = new ArrayList<>(terms);
    more.add(new Term(name, loss, weight));
    return new WeightedLosses(more);
  }

  /** The losses of outputs by name against targets by name; names that no loss has are left alone.
   *
   * @throws IllegalArgumentException if an output or a target is missing
   * @throws ShapeException if a loss is no scalar
   */
  public Values apply(Map<String, Tensor> outputs, Map<String, Tensor> targets) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    Tensor total = null;
    for (Term term : terms) {
      Tensor j = term.loss.apply(named("output", outputs, term.name), named("target", targets, term.name));
      if (!j.shape().isScalar()) {
        throw new ShapeException("the loss of " + term.name + " is " + j + "; reduce it to a scalar");
      }
      values.put(term.name, j);
      Tensor weighted = term.weight == 1 ? j : j.mul(term.weight);
      total = total == null ? weighted : total.add(weighted);
    }
    if (total == null) {
      throw new AssertionError("there is at least one loss");
    }
    return new Values(total, values);
  }

  private static Tensor named(String what, Map<String, Tensor> tensors, String name) {
    Tensor t = tensors.get(name);
    if (t == null) {
      throw new IllegalArgumentException("there is no " + what + " called " + name + " among " + tensors.keySet());
    }
    return t;
  }
}
