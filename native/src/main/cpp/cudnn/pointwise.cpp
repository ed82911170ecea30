// Sums with broadcasting, activations, softmax and dropout.
#include "cudnn/operation.h"

#include <cmath>

using namespace emulator;

namespace {

constexpr int LOG_SOFTMAX = 2;
constexpr size_t dropoutStatesBytes = 256;

// Calls f(first, stride, count) for every slice that a softmax normalises: mode 0 an item, mode 1 the channels.
template <class F>
void forEachSlice(const TensorDescriptor &d, int mode, F f) {
  size_t total = d.count(), item = total / d.dims[0];
  size_t count = mode ? d.dims[1] : item, inner = mode ? item / d.dims[1] : 1;
  for (size_t outer = 0; outer < total / count / inner; outer++) {
    for (size_t i = 0; i < inner; i++) {
      f(outer * count * inner + i, inner, count);
    }
  }
}

size_t maskBytes(size_t elements) {
  return (elements + 7) / 8;
}

}  // namespace

EMU_API int cudnnAddTensor(void *handle, const void *alpha, void *ad, const void *A, const void *beta, void *cd,
                           void *C) {
  ENTER(handle, alpha, ad, A, beta, cd, C);
  TensorDescriptor x = as<TensorDescriptor>(ad), y = as<TensorDescriptor>(cd);
  NEED(x.rank == y.rank);
  for (int i = 0; i < x.rank; i++) {
    NEED(x.dims[i] == y.dims[i] || x.dims[i] == 1);
  }
  float a = scalar(y, alpha), b = scalar(y, beta);
  return issue(state, __func__, [=] {
    Floats in = read(x, A, "cudnnAddTensor A"), out(y.count());
    for (size_t i = 0; i < out.size(); i++) {
      size_t rest = i, from = 0, step = 1;
      for (int axis = y.rank; axis-- > 0;) {
        int index = rest % y.dims[axis];
        rest /= y.dims[axis];
        from += x.dims[axis] > 1 ? index * step : 0;
        step *= x.dims[axis];
      }
      out[i] = in[from];
    }
    write(y, C, out, "cudnnAddTensor C", a, b);
  });
}

EMU_API int cudnnSetActivationDescriptor(void *d, int mode, int nanPropagation, double coefficient) {
  TRACE(d, mode, nanPropagation, coefficient);
  as<ActivationDescriptor>(d).mode = mode;
  as<ActivationDescriptor>(d).coefficient = coefficient;
  return 0;
}

EMU_API int cudnnActivationForward(void *handle, void *ad, const void *alpha, void *xd, const void *x,
                                   const void *beta, void *yd, void *y) {
  ENTER(handle, ad, alpha, xd, x, beta, yd, y);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  ActivationDescriptor A = as<ActivationDescriptor>(ad);
  NEED(X.sameDims(Y));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    Floats values = read(X, x, "cudnnActivationForward x");
    for (float &v : values) {
      v = activate(A, v);
    }
    write(Y, y, values, "cudnnActivationForward y", a, b);
  });
}

EMU_API int cudnnActivationBackward(void *handle, void *ad, const void *alpha, void *yd, const void *y, void *dyd,
                                    const void *dy, void *xd, const void *x, const void *beta, void *dxd, void *dx) {
  ENTER(handle, ad, alpha, yd, y, dyd, dy, xd, x, beta, dxd, dx);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  TensorDescriptor DY = as<TensorDescriptor>(dyd), DX = as<TensorDescriptor>(dxd);
  ActivationDescriptor A = as<ActivationDescriptor>(ad);
  NEED(X.sameDims(Y) && X.sameDims(DY) && X.sameDims(DX));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    Floats in = read(X, x, "cudnnActivationBackward x"), out = read(Y, y, "cudnnActivationBackward y");
    Floats gradient = read(DY, dy, "cudnnActivationBackward dy");
    for (size_t i = 0; i < gradient.size(); i++) {
      gradient[i] *= slope(A, in[i], out[i]);
    }
    write(DX, dx, gradient, "cudnnActivationBackward dx", a, b);
  });
}

EMU_API int cudnnSoftmaxForward(void *handle, int algorithm, int mode, const void *alpha, void *xd, const void *x,
                                const void *beta, void *yd, void *y) {
  ENTER(handle, algorithm, mode, alpha, xd, x, beta, yd, y);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  NEED(X.sameDims(Y));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    Floats values = read(X, x, "cudnnSoftmaxForward x");
    forEachSlice(X, mode, [&](size_t first, size_t stride, size_t count) {
      float max = -INFINITY, sum = 0;
      for (size_t i = 0; i < count; i++) {
        max = std::max(max, values[first + i * stride]);
      }
      for (size_t i = 0; i < count; i++) {
        sum += std::exp(values[first + i * stride] - max);
      }
      for (size_t i = 0; i < count; i++) {
        float &v = values[first + i * stride];
        v = algorithm == LOG_SOFTMAX ? v - max - std::log(sum) : std::exp(v - max) / sum;
      }
    });
    write(Y, y, values, "cudnnSoftmaxForward y", a, b);
  });
}

EMU_API int cudnnSoftmaxBackward(void *handle, int algorithm, int mode, const void *alpha, void *yd, const void *y,
                                 void *dyd, const void *dy, const void *beta, void *dxd, void *dx) {
  ENTER(handle, algorithm, mode, alpha, yd, y, dyd, dy, beta, dxd, dx);
  TensorDescriptor Y = as<TensorDescriptor>(yd), DY = as<TensorDescriptor>(dyd), DX = as<TensorDescriptor>(dxd);
  NEED(Y.sameDims(DY) && Y.sameDims(DX));
  float a = scalar(Y, alpha), b = scalar(Y, beta);
  return issue(state, __func__, [=] {
    Floats out = read(Y, y, "cudnnSoftmaxBackward y"), gradient = read(DY, dy, "cudnnSoftmaxBackward dy");
    bool log = algorithm == LOG_SOFTMAX;
    forEachSlice(Y, mode, [&](size_t first, size_t stride, size_t count) {
      float sum = 0;
      for (size_t i = 0; i < count; i++) {
        size_t at = first + i * stride;
        sum += gradient[at] * (log ? 1 : out[at]);
      }
      for (size_t i = 0; i < count; i++) {
        size_t at = first + i * stride;
        gradient[at] = log ? gradient[at] - std::exp(out[at]) * sum : out[at] * (gradient[at] - sum);
      }
    });
    write(DX, dx, gradient, "cudnnSoftmaxBackward dx", a, b);
  });
}

EMU_API int cudnnDropoutGetStatesSize(void *handle, size_t *bytes) {
  ENTER(handle);
  *bytes = dropoutStatesBytes;
  return 0;
}

// One bit an element.
EMU_API int cudnnDropoutGetReserveSpaceSize(void *xd, size_t *bytes) {
  *bytes = (as<TensorDescriptor>(xd).count() + 31) / 32 * 4;
  return 0;
}

EMU_API int cudnnSetDropoutDescriptor(void *d, void *handle, float probability, void *states, size_t bytes,
                                      unsigned long long seed) {
  COUNT();
  TRACE(d, handle, probability, states, bytes, seed);
  NEED(handle && probability >= 0 && probability <= 1);
  as<DropoutDescriptor>(d) = {probability, (uint64_t *)states};
  if (states) {
    NEED(bytes >= dropoutStatesBytes);
    if (emu_range(states, bytes, "dropout states")) {
      return EXECUTION_FAILED;
    }
    *(uint64_t *)states = seed;
  }
  return 0;
}

EMU_API int cudnnDropoutForward(void *handle, void *d, void *xd, const void *x, void *yd, void *y, void *reserve,
                                size_t reserveBytes) {
  ENTER(handle, d, xd, x, yd, y, reserve, reserveBytes);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd);
  DropoutDescriptor D = as<DropoutDescriptor>(d);
  NEED(X.sameDims(Y) && reserveBytes * 8 >= X.count() && D.states);
  return issue(state, __func__, [=] {
    Floats values = read(X, x, "cudnnDropoutForward x");
    require(reserve, maskBytes(values.size()), "cudnnDropoutForward reserve");
    auto *mask = (uint8_t *)reserve;
    uint64_t seed = ++*D.states;
    for (size_t i = 0; i < values.size(); i++) {
      bool kept = isKept(seed, i, D.probability);
      mask[i / 8] = (mask[i / 8] & ~(1 << i % 8)) | kept << i % 8;
      values[i] = kept ? values[i] / (1 - D.probability) : 0;
    }
    write(Y, y, values, "cudnnDropoutForward y");
  });
}

EMU_API int cudnnDropoutBackward(void *handle, void *d, void *dyd, const void *dy, void *dxd, void *dx, void *reserve,
                                 size_t reserveBytes) {
  ENTER(handle, d, dyd, dy, dxd, dx, reserve, reserveBytes);
  TensorDescriptor X = as<TensorDescriptor>(dxd), Y = as<TensorDescriptor>(dyd);
  DropoutDescriptor D = as<DropoutDescriptor>(d);
  NEED(X.sameDims(Y) && reserveBytes * 8 >= X.count());
  return issue(state, __func__, [=] {
    Floats values = read(Y, dy, "cudnnDropoutBackward dy");
    require(reserve, maskBytes(values.size()), "cudnnDropoutBackward reserve");
    auto *mask = (const uint8_t *)reserve;
    for (size_t i = 0; i < values.size(); i++) {
      values[i] = mask[i / 8] >> i % 8 & 1 ? values[i] / (1 - D.probability) : 0;
    }
    write(X, dx, values, "cudnnDropoutBackward dx");
  });
}
