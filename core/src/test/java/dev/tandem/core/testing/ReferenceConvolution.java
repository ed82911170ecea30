package dev.tandem.core.testing;

import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.PoolGeometry;

/** Convolutions and pooling. The three convolutions are one loop over {@code y += x * w}, read in three directions. */
final class ReferenceConvolution {
  private ReferenceConvolution() {
  }

  /** Row-major positions of the three elements that meet. */
  private interface Tap {
    void at(long x, long weight, long y);
  }

  private interface WindowElement {
    void at(long x);
  }

  static void forward(ConvGeometry g, Elements x, Elements weight, Elements y) {
    Elements sums = y.sums();
    taps(g, x, weight, y, (i, w, o) -> sums.add(o, x.get(i) * weight.get(w)));
    y.assign(sums);
  }

  static void gradInput(ConvGeometry g, Elements gradY, Elements weight, Elements gradX) {
    Elements sums = gradX.sums();
    taps(g, gradX, weight, gradY, (i, w, o) -> sums.add(i, gradY.get(o) * weight.get(w)));
    gradX.assign(sums);
  }

  static void gradWeight(ConvGeometry g, Elements x, Elements gradY, Elements gradWeight) {
    Elements sums = gradWeight.sums();
    taps(g, x, gradWeight, gradY, (i, w, o) -> sums.add(w, gradY.get(o) * x.get(i)));
    gradWeight.assign(sums);
  }

  private static void taps(ConvGeometry g, Elements x, Elements weight, Elements y, Tap tap) {
    int channelsPerGroup = weight.dim(1);
    int outputsPerGroup = y.dim(1) / g.groups();
    for (int n = 0; n < y.dim(0); n++) {
      for (int o = 0; o < y.dim(1); o++) {
        for (int oh = 0; oh < y.dim(2); oh++) {
          for (int ow = 0; ow < y.dim(3); ow++) {
            long target = y.position(n, o, oh, ow);
            for (int c = 0; c < channelsPerGroup; c++) {
              int channel = o / outputsPerGroup * channelsPerGroup + c;
              for (int kh = 0; kh < weight.dim(2); kh++) {
                for (int kw = 0; kw < weight.dim(3); kw++) {
                  int h = oh * g.strideH() - g.paddingH() + kh * g.dilationH();
                  int w = ow * g.strideW() - g.paddingW() + kw * g.dilationW();
                  if (h >= 0 && h < x.dim(2) && w >= 0 && w < x.dim(3)) {
                    tap.at(x.position(n, channel, h, w), weight.position(o, c, kh, kw), target);
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  static void pool(PoolGeometry g, Elements x, Elements y) {
    for (int n = 0; n < y.dim(0); n++) {
      for (int c = 0; c < y.dim(1); c++) {
        for (int oh = 0; oh < y.dim(2); oh++) {
          for (int ow = 0; ow < y.dim(3); ow++) {
            long target = y.position(n, c, oh, ow);
            if (g.kind() == PoolGeometry.Kind.MAX) {
              y.set(target, x.get(largest(g, x, n, c, oh, ow)));
            } else {
              double[] sum = new double[1];
              window(g, x, n, c, oh, ow, i -> sum[0] += x.get(i));
              y.set(target, sum[0] / divisor(g, x, n, c, oh, ow));
            }
          }
        }
      }
    }
  }

  static void poolGrad(PoolGeometry g, Elements x, Elements gradY, Elements gradX) {
    Elements sums = gradX.sums();
    for (int n = 0; n < gradY.dim(0); n++) {
      for (int c = 0; c < gradY.dim(1); c++) {
        for (int oh = 0; oh < gradY.dim(2); oh++) {
          for (int ow = 0; ow < gradY.dim(3); ow++) {
            double grad = gradY.get(gradY.position(n, c, oh, ow));
            if (g.kind() == PoolGeometry.Kind.MAX) {
              sums.add(largest(g, x, n, c, oh, ow), grad);
            } else {
              double share = grad / divisor(g, x, n, c, oh, ow);
              window(g, x, n, c, oh, ow, i -> sums.add(i, share));
            }
          }
        }
      }
    }
    gradX.assign(sums);
  }

  /** Visits the elements of the image under one window, row by row. */
  private static void window(PoolGeometry g, Elements x, int n, int c, int oh, int ow, WindowElement action) {
    for (int kh = 0; kh < g.kernelH(); kh++) {
      for (int kw = 0; kw < g.kernelW(); kw++) {
        int h = oh * g.strideH() - g.paddingH() + kh;
        int w = ow * g.strideW() - g.paddingW() + kw;
        if (h >= 0 && h < x.dim(2) && w >= 0 && w < x.dim(3)) {
          action.at(x.position(n, c, h, w));
        }
      }
    }
  }

  /** The first largest element under a window, or the first NaN. */
  private static long largest(PoolGeometry g, Elements x, int n, int c, int oh, int ow) {
    long[] best = {-1};
    window(g, x, n, c, oh, ow, i -> {
      double v = x.get(i);
      double known = best[0] < 0 ? 0 : x.get(best[0]);
      if (best[0] < 0 || !Double.isNaN(known) && (Double.isNaN(v) || v > known)) {
        best[0] = i;
      }
    });
    return best[0];
  }

  private static double divisor(PoolGeometry g, Elements x, int n, int c, int oh, int ow) {
    if (g.kind() == PoolGeometry.Kind.AVERAGE) {
      return g.kernelH() * g.kernelW();
    }
    int[] count = new int[1];
    window(g, x, n, c, oh, ow, i -> count[0]++);
    return count[0];
  }
}
