package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** The elementwise product of tensors that broadcast to each other, as where a gate acts. */
public final class Multiply extends Merge {
  @Override
  protected Tensor forward(List<Tensor> in) {
    return in.stream().reduce(Tensor::mul).orElseThrow();
  }
}
