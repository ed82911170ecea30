package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Lease;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.ShapeOnly;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One run of a model on shapes alone. While it lasts, every {@link Parameter} that this thread asks for its tensor answers with a
 * stand-in, and every {@link Block} with the device of these: so a recipe can run, and a model on a device is not touched.
 */
final class ShapeInference {
  private static final ThreadLocal<@Nullable ShapeInference> CURRENT = new ThreadLocal<>();

  /** What blocks inside the one that is running have done; the rest of what is done is its own. */
  private static final class Inner {
    private long multiplyAdds;
  }

  private final ShapeOnly shapes = new ShapeOnly();
  private final Map<Parameter, Tensor> standIns = new IdentityHashMap<>();
  private final Set<Parameter> counted = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Lease> known = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Summary.Row> rows = new ArrayList<>();
  private Inner inner = new Inner();

  private ShapeInference() {
  }

  /** That of this thread, or null. */
  static @Nullable ShapeInference current() {
    return CURRENT.get();
  }

  static List<Summary.Row> run(Function<List<Tensor>, List<Tensor>> model, Spec... inputs) {
    ShapeInference outer = CURRENT.get();
    ShapeInference self = new ShapeInference();
    CURRENT.set(self);
    try (Scope _ = Scope.inference(self.device())) {
      List<Tensor> _ = model.apply(Arrays.stream(inputs).map(self::input).toList());
      return self.rows;
    } finally {
      CURRENT.set(outer);
    }
  }

  Device device() {
    return shapes.device();
  }

  Tensor standIn(Parameter p) {
    return standIns.computeIfAbsent(p,
        k -> Tensor.persistentZeros(device(), new Spec(k.shape(), k.dtype()), "parameters"));
  }

  private Tensor input(Spec spec) {
    Tensor t = Tensor.persistentZeros(device(), spec, "inputs");
    known.add(t.lease());
    return t;
  }

  /** Runs the body of a block's frame and notes what it made. */
  List<Tensor> watch(Block block, Supplier<List<Tensor>> body) {
    int row = rows.size();
    Inner around = inner;
    inner = new Inner();
    long before = shapes.multiplyAdds();
    List<Tensor> results = body.get();
    long all = shapes.multiplyAdds() - before;
    long own = all - inner.multiplyAdds;
    inner = around;
    around.multiplyAdds += all;
    Scope scope = Scope.current();
    // Before the rows of its parts, which have been added meanwhile.
    rows.add(row, new Summary.Row(scope == null ? block.name() : scope.path(), block.getClass().getSimpleName(),
        results.stream().map(Tensor::shape).toList(), newParameters(block), own, newBytes(results)));
    return results;
  }

  private long newParameters(Block block) {
    long n = 0;
    for (Map.Entry<String, Parameter> e : block.parameters().entrySet()) {
      boolean own = !e.getKey().contains(".");
      if (own && counted.add(e.getValue())) {
        n += e.getValue().shape().size();
      }
    }
    return n;
  }

  private long newBytes(List<Tensor> results) {
    long bytes = 0;
    for (Tensor t : results) {
      Shape shape = t.shape();
      bytes += known.add(t.lease()) ? shape.size() * t.dtype().bytes() : 0;
    }
    return bytes;
  }
}
