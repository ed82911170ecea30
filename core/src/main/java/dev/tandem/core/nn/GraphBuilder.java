package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * Describes a model of several inputs, outputs and branches, in the spirit of Keras' functional API: nodes stand for tensors, and
 * applying a layer to nodes gives another. A layer that is applied twice shares its parameters.
 *
 * <pre>{@code
 * var g = new GraphBuilder();
 * var image = g.input("image");
 * var features = g.apply(new Relu(), g.apply(new Conv2d(3, 16, 3, same), image));
 * var sum = g.apply(new Add(), features, g.apply(new Conv2d(16, 16, 3, same), features));
 * g.output("class", g.apply("classifier", new Linear(16, 10), g.apply(new GlobalAvgPool2d(), sum)));
 * GraphModel model = g.build();
 * }</pre>
 */
public final class GraphBuilder {
  /** A tensor that the model will compute or be given. */
  public static final class Node {
    private final GraphBuilder builder;
    private final int slot;

    private Node(GraphBuilder builder, int slot) {
      this.builder = builder;
      this.slot = slot;
    }
  }

  /** One application of a layer, from tensors in slots to tensors in slots. */
  record Step(String name, Function<List<Tensor>, List<Tensor>> call, List<Integer> in, List<Integer> out) {
  }

  private final Map<String, Integer> inputs = new LinkedHashMap<>();
  private final Map<String, Integer> outputs = new LinkedHashMap<>();
  private final Map<String, Block> layers = new LinkedHashMap<>();
  private final Map<Block, String> names = new IdentityHashMap<>();
  private final List<Step> steps = new ArrayList<>();
  private int slots;

  /** A tensor that is given to the model by this name. */
  public Node input(String name) {
    if (inputs.containsKey(name)) {
      throw new IllegalArgumentException("the graph already has an input named " + name);
    }
    inputs.put(name, slots);
    return node();
  }

  /** The layer, named after its class and a number: {@code conv2d}, {@code conv2d_1}. */
  public Node apply(Module layer, Node in) {
    return apply(name(layer), layer, in);
  }

  /** @param name of the layer in paths of parameters and errors */
  public Node apply(String name, Module layer, Node in) {
    return step(name, layer, 1, tensors -> List.of(layer.apply(tensors.get(0))), in).get(0);
  }

  /** The layer, named after its class and a number. */
  public Node apply(Merge layer, Node... in) {
    return apply(name(layer), layer, in);
  }

  /** @param name of the layer in paths of parameters and errors */
  public Node apply(String name, Merge layer, Node... in) {
    return step(name, layer, 1, tensors -> List.of(layer.apply(tensors.toArray(Tensor[]::new))), in).get(0);
  }

  /** A layer with an {@code apply} of its own, such as a recurrent one with its states.
   *
   * @param outputs how many tensors {@code call} gives
   * @param call applies the layer to tensors, in the order of {@code in}
   */
  public <B extends Block> List<Node> apply(String name, B layer, int outputs,
      BiFunction<B, List<Tensor>, List<Tensor>> call, Node... in) {
    if (outputs < 1) {
      throw new IllegalArgumentException("layer " + name + " with " + outputs + " outputs; it needs at least one");
    }
    return step(name, layer, outputs, tensors -> call.apply(layer, tensors), in);
  }

  /** Makes {@code node} a result of the model. */
  public GraphBuilder output(String name, Node node) {
    if (outputs.putIfAbsent(name, slot(node)) != null) {
      throw new IllegalArgumentException("the graph already has an output named " + name);
    }
    return this;
  }

  /** The model; a recipe until it is put on a device. Call once, as layers belong to one model.
   *
   * @throws IllegalArgumentException if there is no output, or an input or a layer leads to none
   */
  public GraphModel build() {
    if (outputs.isEmpty()) {
      throw new IllegalArgumentException("the graph has no output; name one with output(name, node)");
    }
    Set<Integer> needed = new HashSet<>(outputs.values());
    for (Step step : steps.reversed()) {
      if (step.out.stream().noneMatch(needed::contains)) {
        throw new IllegalArgumentException("layer " + step.name + " of the graph leads to no output");
      }
      needed.addAll(step.in);
    }
    inputs.forEach((name, slot) -> {
      if (!needed.contains(slot)) {
        throw new IllegalArgumentException("input " + name + " of the graph leads to no output");
      }
    });
    return new GraphModel(inputs, outputs, layers, steps, slots);
  }

  private List<Node> step(String name, Block layer, int results, Function<List<Tensor>, List<Tensor>> call,
      Node... in) {
    List<Integer> from = new ArrayList<>();
    for (Node node : in) {
      from.add(slot(node));
    }
    String known = names.putIfAbsent(layer, name);
    if (known != null && !known.equals(name)) {
      throw new IllegalArgumentException("layer " + known + " of the graph cannot be called " + name + " too");
    }
    if (known == null && layers.putIfAbsent(name, layer) != null) {
      names.remove(layer);
      throw new IllegalArgumentException("the graph already has another layer named " + name);
    }
    List<Node> made = new ArrayList<>();
    List<Integer> to = new ArrayList<>();
    for (int k = 0; k < results; k++) {
      to.add(slots);
      made.add(node());
    }
    steps.add(new Step(name, call, List.copyOf(from), List.copyOf(to)));
    return made;
  }

  private Node node() {
    return new Node(this, slots++);
  }

  private int slot(Node node) {
    if (node.builder != this) {
      throw new IllegalArgumentException("a node of another graph; the parts of a model come from one builder");
    }
    return node.slot;
  }

  private String name(Block layer) {
    String known = names.get(layer);
    if (known != null) {
      return known;
    }
    String base = layer.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    String kind = base.isEmpty() ? "layer" : base;
    String name = kind;
    for (int i = 1; layers.containsKey(name); i++) {
      name = kind + "_" + i;
    }
    return name;
  }
}
