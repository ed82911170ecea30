package dev.tandem.core.nn;

import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;

/**
 * Means over as many windows as wanted, whatever the size of the image: {@code [N, C, H, W] -> [N, C, height, width]}. Window i of n
 * reaches from {@code floor(i H / n)} to {@code ceil((i + 1) H / n)}, exclusive, as in PyTorch.
 */
public final class AdaptiveAvgPool2d extends Module {
  private final int height;
  private final int width;

  /** A square. */
  public AdaptiveAvgPool2d(int size) {
    this(size, size);
  }

  public AdaptiveAvgPool2d(int height, int width) {
    if (height < 1 || width < 1) {
      throw new ShapeException("AdaptiveAvgPool2d to " + height + " x " + width + "; both must be positive");
    }
    this.height = height;
    this.width = width;
  }

  @Override
  protected Tensor forward(Tensor x) {
    Resampling.check("AdaptiveAvgPool2d", x, height, width);
    int h = x.shape().dim(2);
    int w = x.shape().dim(3);
    if (h % height == 0 && w % width == 0) {
      int kernelH = h / height;
      int kernelW = w / width;
      return Execution.one(
          new Pool2d(new PoolGeometry(PoolGeometry.Kind.AVERAGE, kernelH, kernelW, kernelH, kernelW, 0, 0)), x);
    }
    return Resampling.apply(x, Resampling.means(x.device(), h, height), Resampling.means(x.device(), w, width));
  }
}
