package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;

/**
 * In training zeroes whole examples {@code [N, ...]} with probability p and scales the others by {@code 1 / (1 - p)}. As the last
 * layer of a residual branch it leaves the branch out for those examples: Huang et al., Deep networks with stochastic depth, ECCV
 * 2016.
 */
public final class DropPath extends Module {
  private final double p;

  /** @param p probability of a zeroed example, 0 to 1 */
  public DropPath(double p) {
    this.p = Dropout.probability("drop path", p);
  }

  @Override
  protected Tensor forward(Tensor x) {
    int[] dims = x.shape().dims();
    if (dims.length == 0) {
      throw new ShapeException("DropPath wants a batch [N, ...], not a scalar");
    }
    Arrays.fill(dims, 1, dims.length, 1);
    return Dropout.drop(x, p, dims);
  }
}
