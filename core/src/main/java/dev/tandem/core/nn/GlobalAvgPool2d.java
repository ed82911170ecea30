package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/**
 * The mean of each channel over the whole image, ready for a {@link Linear}: {@code [N, C, H, W] -> [N, C]}. Lin, Chen, Yan, Network
 * in network, ICLR 2014. {@link AdaptiveAvgPool2d} of 1 keeps the axes.
 */
public final class GlobalAvgPool2d extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    if (x.shape().rank() != 4) {
      throw new ShapeException("GlobalAvgPool2d wants [N, C, H, W], not " + x.shape());
    }
    return x.mean(2, 3);
  }
}
