package dev.tandem.core.nn;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * A layer or a model of one tensor. Inside a training step {@link #apply} is training; outside one it is inference: no tape, no
 * dropout, and all but the result is freed when the outermost call returns.
 */
public abstract class Module extends Block {
  /** The computation, written with tensors. Called by {@link #apply} only. */
  protected abstract Tensor forward(Tensor x);

  /** Runs {@link #forward} as one frame. */
  public final Tensor apply(Tensor x) {
    // On the device of the input: a layer without parameters needs no device of its own.
    return Scope.current() == null ? inference(x.device(), () -> List.of(forward(x))).get(0) : frame(() -> forward(x));
  }

  @Override
  public Module on(Device device, long seed) {
    super.on(device, seed);
    return this;
  }
}
