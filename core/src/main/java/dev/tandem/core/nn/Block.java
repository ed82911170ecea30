package dev.tandem.core.nn;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A part of a model: parameters, buffers and child blocks, by name. What it computes, and from how many tensors, its subclass says;
 * most are a {@link Module} of one tensor. Until {@link #on} a block is a recipe without memory.
 */
public abstract class Block {
  private final Map<String, Block> children = new LinkedHashMap<>();
  private final Map<String, Parameter> own = new LinkedHashMap<>();
  private String name = getClass().getSimpleName();
  private @Nullable Device device;

  /** Registers a child under {@code name}, which error messages and state paths show, and returns it. */
  protected final <B extends Block> B child(String name, B child) {
    checkName(name);
    ((Block) child).name = name;
    children.put(name, child);
    return child;
  }

  /** Registers a trained parameter. */
  protected final Parameter parameter(String name, Initializer initializer, int... dims) {
    return register(name, initializer, true, dims);
  }

  /** Registers values that are kept and saved but not trained, such as a running mean. */
  protected final Parameter buffer(String name, Initializer initializer, int... dims) {
    return register(name, initializer, false, dims);
  }

  private Parameter register(String name, Initializer initializer, boolean trained, int... dims) {
    checkName(name);
    Parameter p = new Parameter(name, Shape.of(dims), initializer, trained);
    own.put(name, p);
    return p;
  }

  private void checkName(String name) {
    if (name.isEmpty() || name.contains(".")) {
      throw new IllegalArgumentException(
          "\"" + name + "\" cannot name a part of " + this.name + ": it must be non-empty, without dots");
    }
    if (children.containsKey(name) || own.containsKey(name)) {
      throw new IllegalArgumentException(this.name + " already has a part named " + name);
    }
    if (device != null) {
      throw new IllegalStateException(this.name + " is already on " + device + "; register parts in the constructor");
    }
  }

  /** Creates all parameters on {@code device}. Each draws from a generator of its own path, so that adding a layer changes no other
   * layer's values.
   *
   * @throws IllegalStateException if it is on a device already: its memory may be part of a prepared step, so load values instead
   */
  public Block on(Device device, long seed) {
    if (this.device != null) {
      throw new IllegalStateException(
          name + " is already on " + this.device + "; use loadState to give it other values");
    }
    Map<String, Parameter> state = state();
    new ParameterBuffer(device, matricesFirst(distinct(parameters().values())), name);
    Set<Parameter> done = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Map.Entry<String, Parameter> e : state.entrySet()) {
      Parameter p = e.getValue();
      if (done.add(p)) {
        HostArray values = p.initialValues(new SplitMix64(mix(seed, e.getKey())));
        if (p.isTrained()) {
          p.tensor().write(values);
        } else {
          p.place(Tensor.persistent(device, values, "buffers of " + name), null, 0);
        }
      }
    }
    bound(device);
    return this;
  }

  private void bound(Device device) {
    this.device = device;
    for (Block c : children.values()) {
      c.bound(device);
    }
  }

  /** Matrices before vectors: biases and scales, which optimizers like to treat differently, stay side by side. */
  private static List<Parameter> matricesFirst(Collection<Parameter> parameters) {
    List<Parameter> inOrder = new ArrayList<>();
    List<Parameter> vectors = new ArrayList<>();
    for (Parameter p : parameters) {
      (p.shape().rank() < 2 ? vectors : inOrder).add(p);
    }
    inOrder.addAll(vectors);
    return inOrder;
  }

  private static Set<Parameter> distinct(Iterable<Parameter> parameters) {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Set<Parameter> inOrder = new java.util.LinkedHashSet<>();
    for (Parameter p : parameters) {
      if (seen.add(p)) {
        inOrder.add(p);
      }
    }
    return inOrder;
  }

  /** FNV-1a of the path, mixed with the seed. */
  private static long mix(long seed, String path) {
    long h = 0xCBF29CE484222325L;
    for (int i = 0; i < path.length(); i++) {
      h = (h ^ path.charAt(i)) * 0x100000001B3L;
    }
    return h ^ seed * 0x9E3779B97F4A7C15L;
  }

  /** The device this is on.
   *
   * @throws IllegalStateException before {@link #on}
   */
  public final Device device() {
    ShapeInference shapes = ShapeInference.current();
    if (shapes != null) {
      return shapes.device();
    }
    if (device == null) {
      throw new IllegalStateException(name + " is on no device yet; call on(device, seed)");
    }
    return device;
  }

  /** Its name in its parent, or of its class. */
  public final String name() {
    return name;
  }

  /** Direct children by name. */
  public final Map<String, Block> children() {
    return Collections.unmodifiableMap(children);
  }

  /** Parameters and buffers by path, such as {@code 2.weight}. */
  public final Map<String, Parameter> state() {
    Map<String, Parameter> all = new LinkedHashMap<>(own);
    for (Map.Entry<String, Block> child : children.entrySet()) {
      for (Map.Entry<String, Parameter> e : child.getValue().state().entrySet()) {
        all.put(child.getKey() + "." + e.getKey(), e.getValue());
      }
    }
    return all;
  }

  /** Trained parameters by path. One that is shared has several paths. */
  public final Map<String, Parameter> parameters() {
    Map<String, Parameter> trained = new LinkedHashMap<>();
    for (Map.Entry<String, Parameter> e : state().entrySet()) {
      if (e.getValue().isTrained()) {
        trained.put(e.getKey(), e.getValue());
      }
    }
    return trained;
  }

  /** The number of trained values; shared ones count once. */
  public final long parameterCount() {
    return distinct(parameters().values()).stream().mapToLong(p -> p.shape().size()).sum();
  }

  /** Copies of all values by path. */
  public final Map<String, HostArray> stateToHost() {
    Map<String, HostArray> values = new LinkedHashMap<>();
    state().forEach((path, p) -> values.put(path, p.tensor().toHost()));
    return values;
  }

  /** Overwrites all parameters and buffers. Everything is checked before anything is written.
   *
   * @throws IllegalArgumentException if a name is missing or unknown, or a shape or dtype differs
   */
  public final void loadState(Map<String, HostArray> values) {
    Map<String, Parameter> state = state();
    List<String> wrong = new ArrayList<>();
    state.forEach((path, p) -> {
      HostArray v = values.get(path);
      if (v == null) {
        wrong.add(path + " is missing");
      } else if (!v.spec().equals(p.tensor().spec())) {
        wrong.add(path + " is " + v.spec() + " instead of " + p.tensor().spec());
      }
    });
    values.keySet().stream().filter(k -> !state.containsKey(k)).forEach(k -> wrong.add(k + " is unknown"));
    if (!wrong.isEmpty()) {
      throw new IllegalArgumentException("these values do not fit " + name + ": "
          + String.join(", ", wrong.subList(0, Math.min(8, wrong.size())))
          + (wrong.size() > 8 ? ", and " + (wrong.size() - 8) + " more" : ""));
    }
    state.forEach((path, p) -> p.tensor().write(values.get(path)));
  }

  /** Computes a result inside this block's frame: what is made on the way is freed when it returns, but for what gradients need.
   * Outside any step this is inference: no tape, no dropout, and the result lasts. */
  protected final Tensor frame(Supplier<Tensor> body) {
    return frames(() -> List.of(body.get())).get(0);
  }

  /** {@link #frame} for several results. */
  protected final List<Tensor> frames(Supplier<List<Tensor>> body) {
    Scope scope = Scope.current();
    if (scope == null) {
      return inference(device(), body);
    }
    ShapeInference shapes = ShapeInference.current();
    return scope.frame(name, shapes == null ? body : () -> shapes.watch(this, body), ArrayList::new);
  }

  final List<Tensor> inference(Device on, Supplier<List<Tensor>> body) {
    try (Scope inference = Scope.inference(on)) {
      return inference.frame(name, body, ArrayList::new).stream().map(Tensor::keep).toList();
    }
  }

  @Override
  public String toString() {
    return getClass().getSimpleName();
  }
}
