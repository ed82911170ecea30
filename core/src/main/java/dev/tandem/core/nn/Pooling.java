package dev.tandem.core.nn;

import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;

/** A layer of windows over images {@code [N, C, H, W]}, or over sequences {@code [N, C, L]} as images of one row. */
abstract sealed class Pooling extends Module permits MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d {
  private final PoolGeometry geometry;
  private final boolean sequence;

  Pooling(PoolGeometry geometry, boolean sequence) {
    this.geometry = geometry;
    this.sequence = sequence;
  }

  static PoolGeometry.Kind average(boolean countIncludePad) {
    return countIncludePad ? PoolGeometry.Kind.AVERAGE : PoolGeometry.Kind.AVERAGE_INSIDE;
  }

  @Override
  protected final Tensor forward(Tensor x) {
    if (x.shape().rank() != (sequence ? 3 : 4)) {
      throw new ShapeException(
          getClass().getSimpleName() + " wants " + (sequence ? "[N, C, L]" : "[N, C, H, W]") + ", not " + x.shape());
    }
    return sequence
        ? Execution.one(new Pool2d(geometry), x.unsqueeze(2)).squeeze(2)
        : Execution.one(new Pool2d(geometry), x);
  }
}
