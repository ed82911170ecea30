package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** The sum of tensors that broadcast to each other, as where a residual branch joins. */
public final class Add extends Merge {
  @Override
  protected Tensor forward(List<Tensor> in) {
    return in.stream().reduce(Tensor::add).orElseThrow();
  }
}
