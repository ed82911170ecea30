// Pooling of images [N, C, H, W] in any layout. A maximum is the first largest element of its window in row-major order, the first
// NaN if there is one. The gradient is gathered by image element, so that sums have one order. Element is what lies in memory; sums
// are float.

enum Kind { MAX, AVERAGE, AVERAGE_INSIDE };

struct Geometry {
  int H, W, OH, OW, kernelH, kernelW, strideH, strideW, paddingH, paddingW, kind;
};

struct Window {
  int top, bottom, left, right;
};

__device__ Window windowOf(const Geometry &g, int oh, int ow) {
  int top = oh * g.strideH - g.paddingH, left = ow * g.strideW - g.paddingW;
  int bottom = top + g.kernelH, right = left + g.kernelW;
  Window w = {top < 0 ? 0 : top, bottom > g.H ? g.H : bottom, left < 0 ? 0 : left, right > g.W ? g.W : right};
  return w;
}

__device__ int divisor(const Geometry &g, const Window &w) {
  return g.kind == AVERAGE ? g.kernelH * g.kernelW : (w.bottom - w.top) * (w.right - w.left);
}

// Row times W plus column.
__device__ int largest(const Geometry &g, const Window &w, const Element *plane, long long rowStride,
                       long long columnStride) {
  int best = -1;
  float known = 0;
  for (int h = w.top; h < w.bottom; h++) {
    for (int c = w.left; c < w.right; c++) {
      float v = load(plane[h * rowStride + c * columnStride]);
      if (best < 0 || (known == known && (v != v || v > known))) {
        best = h * g.W + c;
        known = v;
      }
    }
  }
  return best;
}

struct Place {
  long long n, c;
  int h, w;
};

// Neighbouring threads take neighbouring columns, or neighbouring channels where those are neighbours in memory.
__device__ Place placeOf(long long i, int C, int H, int W, int channelsLast) {
  Place p;
  if (channelsLast) {
    p.c = i % C;
    i /= C;
  }
  p.w = (int)(i % W);
  i /= W;
  p.h = (int)(i % H);
  i /= H;
  if (!channelsLast) {
    p.c = i % C;
    i /= C;
  }
  p.n = i;
  return p;
}

extern "C" __global__ void pool(Element *y, const Element *x, long long count, int C, int H, int W, int OH, int OW, int kernelH,
                                int kernelW, int strideH, int strideW, int paddingH, int paddingW, int kind,
                                int channelsLast, long long xn, long long xc, long long xh, long long xw, long long yn,
                                long long yc, long long yh, long long yw) {
  Geometry g = {H, W, OH, OW, kernelH, kernelW, strideH, strideW, paddingH, paddingW, kind};
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x) {
    Place p = placeOf(i, C, OH, OW, channelsLast);
    Window w = windowOf(g, p.h, p.w);
    const Element *plane = x + p.n * xn + p.c * xc;
    float result;
    if (kind == MAX) {
      int at = largest(g, w, plane, xh, xw);
      result = load(plane[at / W * xh + at % W * xw]);
    } else {
      float sum = 0;
      for (int h = w.top; h < w.bottom; h++) {
        for (int c = w.left; c < w.right; c++) {
          sum += load(plane[h * xh + c * xw]);
        }
      }
      result = sum / (float)divisor(g, w);
    }
    store(y[p.n * yn + p.c * yc + p.h * yh + p.w * yw], result);
  }
}

extern "C" __global__ void pool_grad(Element *gx, const Element *x, const Element *gy, long long count, int C, int H,
                                     int W, int OH, int OW, int kernelH, int kernelW, int strideH, int strideW, int paddingH,
                                     int paddingW, int kind, int channelsLast, long long xn, long long xc, long long xh,
                                     long long xw, long long yn, long long yc, long long yh, long long yw, long long gn,
                                     long long gc, long long gh, long long gw) {
  Geometry g = {H, W, OH, OW, kernelH, kernelW, strideH, strideW, paddingH, paddingW, kind};
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x) {
    Place p = placeOf(i, C, H, W, channelsLast);
    int first = p.h + paddingH - kernelH + 1, left = p.w + paddingW - kernelW + 1;
    int oh0 = first <= 0 ? 0 : (first + strideH - 1) / strideH, ow0 = left <= 0 ? 0 : (left + strideW - 1) / strideW;
    float sum = 0;
    for (int oh = oh0; oh < OH && oh * strideH - paddingH <= p.h; oh++) {
      for (int ow = ow0; ow < OW && ow * strideW - paddingW <= p.w; ow++) {
        float gradient = load(gy[p.n * yn + p.c * yc + oh * yh + ow * yw]);
        Window w = windowOf(g, oh, ow);
        if (kind != MAX) {
          sum += gradient / (float)divisor(g, w);
        } else if (largest(g, w, x + p.n * xn + p.c * xc, xh, xw) == p.h * W + p.w) {
          sum += gradient;
        }
      }
    }
    store(gx[p.n * gn + p.c * gc + p.h * gh + p.w * gw], sum);
  }
}
