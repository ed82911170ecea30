package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** A layer of several tensors of equal standing, such as the two branches of a residual block. */
public abstract class Merge extends Block {
  /** The computation, written with tensors; there is at least one. Called by {@link #apply} only. */
  protected abstract Tensor forward(List<Tensor> in);

  /** Runs {@link #forward} as one frame. */
  public final Tensor apply(Tensor... in) {
    List<Tensor> list = List.of(in);
    if (list.isEmpty()) {
      throw new ShapeException(name() + " of no tensors");
    }
    return Scope.current() == null
        ? inference(list.get(0).device(), () -> List.of(forward(list))).get(0)
        : frame(() -> forward(list));
  }
}
