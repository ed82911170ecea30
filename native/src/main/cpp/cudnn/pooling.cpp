// 2-D pooling and its gradient.
#include "cudnn/operation.h"

using namespace emulator;

namespace {

int outputSize(const PoolingDescriptor &p, int size, int axis) {
  return 1 + (size + 2 * p.padding[axis] - p.window[axis]) / p.stride[axis];
}

bool fits(const PoolingDescriptor &p, const TensorDescriptor &x, const TensorDescriptor &y) {
  return x.rank == 4 && y.rank == 4 && y.dims[0] == x.dims[0] && y.dims[1] == x.dims[1] &&
         y.dims[2] == outputSize(p, x.dims[2], 0) && y.dims[3] == outputSize(p, x.dims[3], 1);
}

// Calls f(output, inputs of its window, divisor of an average).
template <class F>
void forEachWindow(const PoolingDescriptor &p, const TensorDescriptor &x, const TensorDescriptor &y, F f) {
  std::vector<size_t> inputs;
  for (size_t plane = 0; plane < (size_t)y.dims[0] * y.dims[1]; plane++) {
    for (int row = 0; row < y.dims[2]; row++) {
      for (int column = 0; column < y.dims[3]; column++) {
        inputs.clear();
        for (int r = 0; r < p.window[0]; r++) {
          for (int s = 0; s < p.window[1]; s++) {
            int i = row * p.stride[0] - p.padding[0] + r, j = column * p.stride[1] - p.padding[1] + s;
            if (i >= 0 && i < x.dims[2] && j >= 0 && j < x.dims[3]) {
              inputs.push_back((plane * x.dims[2] + i) * x.dims[3] + j);
            }
          }
        }
        int divisor = p.mode == AVERAGE_INCLUDE_PADDING ? p.window[0] * p.window[1] : (int)inputs.size();
        f((plane * y.dims[2] + row) * y.dims[3] + column, inputs, divisor);
      }
    }
  }
}

// The first of the greatest; NaN is greater than all.
size_t argmax(const Floats &values, const std::vector<size_t> &among) {
  size_t best = among[0];
  for (size_t i : among) {
    if (values[i] > values[best] || values[i] != values[i]) {
      best = i;
    }
  }
  return best;
}

}  // namespace

EMU_API int cudnnSetPooling2dDescriptor(void *d, int mode, int nanPropagation, int windowH, int windowW, int padH,
                                        int padW, int strideH, int strideW) {
  TRACE(d, mode, nanPropagation, windowH, windowW, padH, padW, strideH, strideW);
  as<PoolingDescriptor>(d) = {mode, {windowH, windowW}, {padH, padW}, {strideH, strideW}};
  return 0;
}

EMU_API int cudnnSetPoolingNdDescriptor(void *d, int mode, int nanPropagation, int axes, const int *window,
                                        const int *pad, const int *stride) {
  if (axes != 2) {
    return NOT_SUPPORTED;
  }
  return cudnnSetPooling2dDescriptor(d, mode, nanPropagation, window[0], window[1], pad[0], pad[1], stride[0],
                                     stride[1]);
}

EMU_API int cudnnGetPooling2dForwardOutputDim(void *d, void *x, int *n, int *c, int *h, int *w) {
  auto &input = as<TensorDescriptor>(x);
  auto &pooling = as<PoolingDescriptor>(d);
  *n = input.dims[0];
  *c = input.dims[1];
  *h = outputSize(pooling, input.dims[2], 0);
  *w = outputSize(pooling, input.dims[3], 1);
  return 0;
}

EMU_API int cudnnPoolingForward(void *handle, void *pd, const void *alpha, void *xd, const void *x, const void *beta,
                                void *yd, void *y) {
  ENTER(handle, pd, alpha, xd, x, beta, yd, y);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  PoolingDescriptor P = as<PoolingDescriptor>(pd);
  NEED(fits(P, X, Y));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    Floats in = read(X, x, "cudnnPoolingForward x"), out(Y.count());
    forEachWindow(P, X, Y, [&](size_t at, const std::vector<size_t> &window, int divisor) {
      if (P.isMax()) {
        out[at] = in[argmax(in, window)];
        return;
      }
      float sum = 0;
      for (size_t i : window) {
        sum += in[i];
      }
      out[at] = sum / divisor;
    });
    write(Y, y, out, "cudnnPoolingForward y", a, b);
  });
}

EMU_API int cudnnPoolingBackward(void *handle, void *pd, const void *alpha, void *yd, const void *y, void *dyd,
                                 const void *dy, void *xd, const void *x, const void *beta, void *dxd, void *dx) {
  ENTER(handle, pd, alpha, yd, y, dyd, dy, xd, x, beta, dxd, dx);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  TensorDescriptor DY = as<TensorDescriptor>(dyd), DX = as<TensorDescriptor>(dxd);
  PoolingDescriptor P = as<PoolingDescriptor>(pd);
  NEED(X.sameDims(DX) && Y.sameDims(DY) && fits(P, X, Y));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    read(Y, y, "cudnnPoolingBackward y");  // cuDNN may read it
    Floats in = read(X, x, "cudnnPoolingBackward x"), gradient = read(DY, dy, "cudnnPoolingBackward dy");
    Floats out(X.count());
    forEachWindow(P, X, Y, [&](size_t at, const std::vector<size_t> &window, int divisor) {
      if (P.isMax()) {
        out[argmax(in, window)] += gradient[at];
        return;
      }
      for (size_t i : window) {
        out[i] += gradient[at] / divisor;
      }
    });
    write(DX, dx, out, "cudnnPoolingBackward dx", a, b);
  });
}
