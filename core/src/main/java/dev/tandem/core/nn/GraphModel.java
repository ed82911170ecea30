package dev.tandem.core.nn;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model of named inputs and outputs, made by a {@link GraphBuilder}. Layers run in the order in which they were applied; each
 * intermediate result is freed as soon as the last layer that wants it has used it.
 */
public final class GraphModel extends Block {
  private final List<String> inputs;
  private final List<String> outputs;
  private final List<Integer> inputSlots;
  private final List<Integer> outputSlots;
  private final List<GraphBuilder.Step> steps;
  private final int slots;
  /** For each step the slots that nothing behind it wants. */
  private final List<List<Integer>> finished = new ArrayList<>();

  GraphModel(Map<String, Integer> inputs, Map<String, Integer> outputs, Map<String, Block> layers,
      List<GraphBuilder.Step> steps, int slots) {
    this.inputs = List.copyOf(inputs.keySet());
    this.outputs = List.copyOf(outputs.keySet());
    this.inputSlots = List.copyOf(inputs.values());
    this.outputSlots = List.copyOf(outputs.values());
    this.steps = List.copyOf(steps);
    this.slots = slots;
    layers.forEach(this::child);
    Set<Integer> wanted = new HashSet<>(outputSlots);
    for (GraphBuilder.Step step : this.steps.reversed()) {
      List<Integer> last = new ArrayList<>();
      for (List<Integer> used : List.of(step.in(), step.out())) {
        for (int slot : used) {
          if (wanted.add(slot)) {
            last.add(slot);
          }
        }
      }
      finished.add(0, last);
    }
  }

  /** Names of the inputs, in the order in which {@link #apply(Tensor...)} takes them. */
  public List<String> inputs() {
    return inputs;
  }

  /** Names of the outputs, in the order in which {@link #apply(Tensor...)} gives them. */
  public List<String> outputs() {
    return outputs;
  }

  @Override
  public GraphModel on(Device device, long seed) {
    super.on(device, seed);
    return this;
  }

  /** The outputs by name.
   *
   * @throws IllegalArgumentException if an input is missing or unknown
   */
  public Map<String, Tensor> apply(Map<String, Tensor> in) {
    if (!in.keySet().equals(new HashSet<>(inputs))) {
      throw new IllegalArgumentException(name() + " has the inputs " + inputs + " and was given " + in.keySet());
    }
    List<Tensor> made = run(inputs.stream().map(in::get).toList());
    Map<String, Tensor> byName = new LinkedHashMap<>();
    for (int k = 0; k < made.size(); k++) {
      byName.put(outputs.get(k), made.get(k));
    }
    return byName;
  }

  /** The outputs in their order, from inputs in theirs. */
  public List<Tensor> apply(Tensor... in) {
    if (in.length != inputs.size()) {
      throw new IllegalArgumentException(name() + " has the inputs " + inputs + " and was given " + in.length);
    }
    return run(List.of(in));
  }

  /** This model as a {@link Module} on the same layers, with the same paths, for a Trainer or as a part of another model.
   *
   * @throws IllegalStateException if it has several inputs or outputs
   */
  public Module asModule() {
    if (inputs.size() != 1 || outputs.size() != 1) {
      throw new IllegalStateException(
          name() + " has inputs " + inputs + " and outputs " + outputs + "; a Module has one of each");
    }
    return new OfOne(this);
  }

  private static final class OfOne extends Module {
    private final GraphModel graph;

    OfOne(GraphModel graph) {
      this.graph = graph;
      graph.children().forEach(this::child);
    }

    @Override
    protected Tensor forward(Tensor x) {
      return graph.forward(List.of(x)).get(0);
    }
  }

  private List<Tensor> run(List<Tensor> in) {
    return Scope.current() == null
        ? inference(in.get(0).device(), () -> forward(in))
        : frames(() -> forward(in));
  }

  private List<Tensor> forward(List<Tensor> in) {
    @Nullable Tensor[] values = new Tensor[slots];
    for (int i = 0; i < in.size(); i++) {
      values[inputSlots.get(i)] = in.get(i);
    }
    for (int s = 0; s < steps.size(); s++) {
      GraphBuilder.Step step = steps.get(s);
      List<Tensor> made = step.call().apply(step.in().stream().map(slot -> value(values, slot)).toList());
      if (made.size() != step.out().size()) {
        throw new IllegalStateException(
            "layer " + step.name() + " gave " + made.size() + " tensors instead of " + step.out().size());
      }
      for (int k = 0; k < made.size(); k++) {
        values[step.out().get(k)] = made.get(k);
      }
      finished.get(s).forEach(slot -> free(values, slot));
    }
    return outputSlots.stream().map(slot -> value(values, slot)).toList();
  }

  private static Tensor value(@Nullable Tensor[] values, int slot) {
    Tensor t = values[slot];
    if (t == null) {
      throw new AssertionError("slot " + slot + " was freed before its last use");
    }
    return t;
  }

  /** Gives the memory back unless another value that is still wanted is a view of it. */
  private static void free(@Nullable Tensor[] values, int slot) {
    Tensor t = value(values, slot);
    values[slot] = null;
    for (Tensor other : values) {
      if (other != null && other.lease() == t.lease()) {
        return;
      }
    }
    Scope scope = Scope.current();
    if (scope != null) {
      scope.abandon(t, "when its last layer had it");
    }
  }
}
