package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** Tensors side by side along one axis; all other dimensions agree. */
public final class Concat extends Merge {
  private final int axis;

  /** Along axis 1: features of {@code [N, F]}, channels of {@code [N, C, H, W]}. */
  public Concat() {
    this(1);
  }

  public Concat(int axis) {
    this.axis = axis;
  }

  @Override
  protected Tensor forward(List<Tensor> in) {
    return in.size() == 1 ? in.get(0) : Tensor.concat(axis, in.toArray(Tensor[]::new));
  }
}
