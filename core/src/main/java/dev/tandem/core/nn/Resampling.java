package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * Images brought to another size by a matrix for each direction, whose row i says what output i is made of. Matrices are computed on
 * the device from the sizes alone, so that steps replay and gradients are matrix products. An infinite pixel spoils its row and
 * column.
 */
final class Resampling {
  private static final Expr I = Expr.input(0, Kind.INT);
  private static final Expr J = Expr.input(1, Kind.INT);
  private static final Expr IN = Expr.argument(0, Kind.INT);
  private static final Expr OUT = Expr.argument(1, Kind.INT);
  private static final Expr ONE = Expr.constant(1, Kind.INT);
  private static final Expr ZERO = Expr.constant(0, Kind.INT);
  /** {@code floor(i in / out) <= j < ceil((i + 1) in / out)}, without division. */
  private static final Program OVERLAPS = Program.of(2,
      I.mul(IN).less(J.add(ONE).mul(OUT)).and(J.mul(OUT).less(I.add(ONE).mul(IN))).toFloat());
  /** 1 if j lies below {@code floor(i in / out)}; so many do. */
  private static final Program BELOW =
      Program.of(2, I.mul(IN).less(J.add(ONE).mul(OUT)).where(ZERO, ONE));
  /** The weight of input j at the place {@code min(max(i * a + b, 0), last)} between two inputs. */
  private static final Program HAT = Program.of(2, hat());

  private Resampling() {
  }

  private static Expr hat() {
    Expr place = I.toFloat().mul(Expr.argument(0)).add(Expr.argument(1)).max(0).min(Expr.argument(2));
    return Expr.constant(1).sub(place.sub(J.toFloat()).abs()).max(0);
  }

  /** Checks that x is an image, and sizes small enough for what is computed of them in 32 bits. */
  static void check(String layer, Tensor x, int height, int width) {
    Shape shape = x.shape();
    if (shape.rank() != 4 || shape.dim(2) == 0 || shape.dim(3) == 0) {
      throw new ShapeException(layer + " wants [N, C, H, W] with at least one pixel, not " + shape);
    }
    if ((shape.dim(2) + 1L) * (height + 1L) > Integer.MAX_VALUE
        || (shape.dim(3) + 1L) * (width + 1L) > Integer.MAX_VALUE) {
      throw new ShapeException(
          layer + " from " + shape + " to " + height + " x " + width + ": the sizes are too large");
    }
  }

  /** {@code rows x columns^T} for every channel: {@code [N, C, H, W] -> [N, C, OH, OW]}. */
  static Tensor apply(Tensor x, Tensor rows, Tensor columns) {
    return rows.matmul(x.matmul(columns.transpose(0, 1)));
  }

  /** [out, in]: means over the part of the input that lies under output i, overlapping by at most one. */
  static Tensor means(Device device, int in, int out) {
    Tensor overlaps = Tensor.pointwise("overlaps", OVERLAPS, Launch.of(in, out), each(device, out), all(device, in));
    return overlaps.div(overlaps.sumKeepDims(1));
  }

  /** [out, in]: linear interpolation at {@code i * scale + shift}, no further out than the outermost inputs. */
  static Tensor interpolation(Device device, int in, int out, double scale, double shift) {
    return Tensor.pointwise("interpolation", HAT, Launch.of(scale, shift, in - 1), each(device, out), all(device, in));
  }

  /** I32 [out]: the input that output i repeats, {@code floor(i in / out)}. */
  static Tensor nearest(Device device, int in, int out) {
    return Tensor.sumOf(List.of(1), BELOW, Launch.of(in, out), each(device, out), all(device, in)).reshape(out);
  }

  private static Tensor each(Device device, int n) {
    return Tensor.arange(device, n).reshape(n, 1);
  }

  private static Tensor all(Device device, int n) {
    return Tensor.arange(device, n).reshape(1, n);
  }
}
