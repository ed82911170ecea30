package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/**
 * Brings images to another size: {@code [N, C, H, W] -> [N, C, OH, OW]}, with the conventions of PyTorch.
 *
 * <pre>{@code
 * new Upsample(2, Upsample.Mode.NEAREST)
 * Upsample.toSize(224, 224, Upsample.Mode.BILINEAR)
 * }</pre>
 */
public final class Upsample extends Module {
  /** How a pixel of the result is made. */
  public enum Mode {
    /** Pixel {@code floor(i H / OH)}. */
    NEAREST,
    /** Between the nearest two in each direction, pixels being areas: at {@code (i + 1/2) H / OH - 1/2}. */
    BILINEAR,
    /** Between the nearest two in each direction, pixels being points, corners upon corners: at {@code i (H - 1) / (OH - 1)}. */
    BILINEAR_ALIGN_CORNERS
  }

  private final int scaleH;
  private final int scaleW;
  private final int height;
  private final int width;
  private final Mode mode;

  /** As many times as large in both directions. */
  public Upsample(int scale, Mode mode) {
    this(scale, scale, mode);
  }

  public Upsample(int scaleH, int scaleW, Mode mode) {
    this(scaleH, scaleW, 0, 0, mode, "a scale of " + scaleH + " x " + scaleW);
  }

  private Upsample(int scaleH, int scaleW, int height, int width, Mode mode, String what) {
    if (Math.max(scaleH, height) < 1 || Math.max(scaleW, width) < 1) {
      throw new ShapeException("Upsample to " + what + "; both must be positive");
    }
    this.scaleH = scaleH;
    this.scaleW = scaleW;
    this.height = height;
    this.width = width;
    this.mode = mode;
  }

  /** To one size, which may also be smaller than the image. */
  public static Upsample toSize(int height, int width, Mode mode) {
    return new Upsample(0, 0, height, width, mode, height + " x " + width);
  }

  @Override
  protected Tensor forward(Tensor x) {
    ShapeException.require(x.shape().rank() == 4, "Upsample wants [N, C, H, W], not " + x.shape());
    int h = height > 0 ? height : Math.multiplyExact(scaleH, x.shape().dim(2));
    int w = width > 0 ? width : Math.multiplyExact(scaleW, x.shape().dim(3));
    Resampling.check("Upsample", x, h, w);
    return switch (mode) {
      case NEAREST -> nearest(x, h, w);
      case BILINEAR -> Resampling.apply(x, areas(x, 2, h), areas(x, 3, w));
      case BILINEAR_ALIGN_CORNERS -> Resampling.apply(x, points(x, 2, h), points(x, 3, w));
    };
  }

  private static Tensor nearest(Tensor x, int h, int w) {
    int n = x.shape().dim(0);
    int c = x.shape().dim(1);
    int inH = x.shape().dim(2);
    int inW = x.shape().dim(3);
    if (h % inH == 0 && w % inW == 0) {
      return x.reshape(n, c, inH, 1, inW, 1).expand(n, c, inH, h / inH, inW, w / inW).reshape(n, c, h, w);
    }
    return x.indexSelect(2, Resampling.nearest(x.device(), inH, h)).indexSelect(3,
        Resampling.nearest(x.device(), inW, w));
  }

  private static Tensor areas(Tensor x, int axis, int out) {
    int in = x.shape().dim(axis);
    double scale = (double) in / out;
    return Resampling.interpolation(x.device(), in, out, scale, scale / 2 - 0.5);
  }

  private static Tensor points(Tensor x, int axis, int out) {
    int in = x.shape().dim(axis);
    return Resampling.interpolation(x.device(), in, out, out == 1 ? 0 : (in - 1.0) / (out - 1), 0);
  }
}
