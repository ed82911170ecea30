package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;

/**
 * In training zeroes whole channels of {@code [N, C, H, W]} (or {@code [N, C, d1, ...]}) with probability p and scales the others by
 * {@code 1 / (1 - p)}: neighbouring pixels are so alike that {@link Dropout} of single ones loses nothing. Tompson et al., Efficient
 * object localization using convolutional networks, CVPR 2015.
 */
public final class Dropout2d extends Module {
  private final double p;

  /** @param p probability of a zeroed channel, 0 to 1 */
  public Dropout2d(double p) {
    this.p = Dropout.probability("dropout of channels", p);
  }

  @Override
  protected Tensor forward(Tensor x) {
    int[] dims = x.shape().dims();
    if (dims.length < 3) {
      throw new ShapeException("Dropout2d wants [N, C, H, W] or [N, C, d1, ...], not " + x.shape() + "; use Dropout");
    }
    Arrays.fill(dims, 2, dims.length, 1);
    return Dropout.drop(x, p, dims);
  }
}
