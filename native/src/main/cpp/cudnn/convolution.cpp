// 2-D convolution and its gradients, with groups, stride, padding and dilation.
#include "cudnn/operation.h"

using namespace emulator;

namespace {

int outputSize(const ConvolutionDescriptor &c, const TensorDescriptor &x, const TensorDescriptor &w, int axis) {
  int window = c.dilation[axis] * (w.dims[2 + axis] - 1) + 1;
  return (x.dims[2 + axis] + 2 * c.padding[axis] - window) / c.stride[axis] + 1;
}

// The configurations of types that cuDNN has, by its tables.
bool computable(const ConvolutionDescriptor &c, Type data) {
  return data == c.computeType || ((data == F16 || data == BF16) && c.computeType == F32);
}

bool fits(const ConvolutionDescriptor &c, const TensorDescriptor &x, const TensorDescriptor &w,
          const TensorDescriptor &y) {
  bool types = x.type == w.type && x.type == y.type && computable(c, x.type);
  bool ranks = x.rank == 4 && w.rank == 4 && y.rank == 4;
  bool channels = x.dims[1] == w.dims[1] * c.groups && y.dims[1] == w.dims[0] && w.dims[0] % c.groups == 0;
  return types && ranks && channels && x.dims[0] == y.dims[0] && y.dims[2] == outputSize(c, x, w, 0) &&
         y.dims[3] == outputSize(c, x, w, 1);
}

// The descriptors of one convolution, all of them packed when the loops see them.
struct Geometry {
  ConvolutionDescriptor convolution;
  TensorDescriptor x, w, y;

  // Calls f(weight, x, y, count, step) for every run of outputs along a row: y[i] meets x[i * step] through the weight.
  template <class F>
  void forEachTap(F f) const {
    for (int n = 0; n < x.dims[0]; n++) {
      for (int k = 0; k < w.dims[0]; k++) {
        for (int c = 0; c < w.dims[1]; c++) {
          for (int r = 0; r < w.dims[2]; r++) {
            for (int s = 0; s < w.dims[3]; s++) {
              forEachRow(n, k, c, r, s, f);
            }
          }
        }
      }
    }
  }

 private:
  template <class F>
  void forEachRow(int n, int k, int c, int r, int s, F &f) const {
    const auto &cd = convolution;
    int R = w.dims[2], S = w.dims[3], step = cd.stride[1], width = x.dims[3];
    int channel = k / (w.dims[0] / cd.groups) * w.dims[1] + c;
    // Outputs whose tap lies inside the row.
    int shift = s * cd.dilation[1] - cd.padding[1];
    int begin = shift < 0 ? (-shift + step - 1) / step : 0;
    int end = std::min(y.dims[3], width - 1 - shift < 0 ? 0 : (width - 1 - shift) / step + 1);
    if (end <= begin) {
      return;
    }
    size_t weight = (((size_t)k * w.dims[1] + c) * R + (cd.crossCorrelation ? r : R - 1 - r)) * S +
                    (cd.crossCorrelation ? s : S - 1 - s);
    for (int o = 0; o < y.dims[2]; o++) {
      int i = o * cd.stride[0] - cd.padding[0] + r * cd.dilation[0];
      if (i < 0 || i >= x.dims[2]) {
        continue;
      }
      size_t xAt = (((size_t)n * x.dims[1] + channel) * x.dims[2] + i) * width + begin * step + shift;
      size_t yAt = (((size_t)n * y.dims[1] + k) * y.dims[2] + o) * y.dims[3] + begin;
      f(weight, xAt, yAt, end - begin, step);
    }
  }
};

// Whether operands are rounded to TF32.
bool rounds(const ConvolutionDescriptor &c, const TensorDescriptor &x) {
  return x.type == F32 && c.mathType != FMA_MATH;
}

enum Kind { FORWARD, BACKWARD_DATA, BACKWARD_FILTER };

// How an algorithm sums: PLAIN in one order, ATOMIC in any, TRANSFORMED by Winograd with 3 x 3 taps a pixel apart only.
enum Sums { PLAIN, ATOMIC, TRANSFORMED };

struct Algorithm {
  int number;
  Sums sums;
  size_t workspace;
};

// By the heuristics, fastest first. A search by time finds the last one fastest.
std::vector<Algorithm> algorithmsOf(Kind kind) {
  switch (kind) {
    case FORWARD: return {{6, TRANSFORMED, workspaceBytes}, {1, PLAIN, workspaceBytes}, {0, PLAIN, 0}};
    case BACKWARD_DATA: return {{0, ATOMIC, 0}, {5, TRANSFORMED, workspaceBytes}, {1, PLAIN, workspaceBytes}};
    default:
      return {{0, ATOMIC, 0}, {5, TRANSFORMED, workspaceBytes}, {1, PLAIN, workspaceBytes}, {3, ATOMIC, workspaceBytes}};
  }
}

// Of a convolution in one direction. Real tables are longer; that they have gaps for bf16 is true of them too.
bool offers(Kind kind, const Algorithm &algorithm, const ConvolutionDescriptor &c, const TensorDescriptor &x,
            const TensorDescriptor &w) {
  if (algorithm.sums == TRANSFORMED) {
    return x.type == F32 && c.groups == 1 && w.dims[2] == 3 && w.dims[3] == 3 && c.stride[0] == 1 &&
           c.stride[1] == 1 && c.dilation[0] == 1 && c.dilation[1] == 1;
  }
  bool dilated = c.dilation[0] > 1 || c.dilation[1] > 1;
  return !(x.type == BF16 && kind != FORWARD && dilated && c.groups > 1);
}

const Algorithm *algorithmOf(const std::vector<Algorithm> &known, int number) {
  for (const Algorithm &algorithm : known) {
    if (algorithm.number == number) {
      return &algorithm;
    }
  }
  return nullptr;
}

// NOT_SUPPORTED if the algorithm does not do this convolution.
int workspaceOf(Kind kind, int number, const ConvolutionDescriptor &c, const TensorDescriptor &x,
                const TensorDescriptor &w, size_t *bytes) {
  std::vector<Algorithm> known = algorithmsOf(kind);
  const Algorithm *algorithm = algorithmOf(known, number);
  if (!algorithm || !offers(kind, *algorithm, c, x, w)) {
    return NOT_SUPPORTED;
  }
  *bytes = algorithm->workspace;
  return 0;
}

// cudnnConvolution...AlgoPerf_t.
struct Performance {
  int algorithm, status;
  float time;
  size_t memory;
  int determinism, mathType, reserved[3];
};

int listAlgorithms(Kind kind, bool timed, const ConvolutionDescriptor &c, const TensorDescriptor &x,
                   const TensorDescriptor &w, int wanted, int *found, Performance *performances) {
  std::vector<Algorithm> known = algorithmsOf(kind);
  std::stable_partition(known.begin(), known.end(), [&](auto &a) { return offers(kind, a, c, x, w); });
  if (timed) {
    auto end = std::find_if(known.begin(), known.end(), [&](auto &a) { return !offers(kind, a, c, x, w); });
    std::reverse(known.begin(), end);
  }
  *found = std::min(wanted, (int)known.size());
  for (int i = 0; i < *found; i++) {
    bool offered = offers(kind, known[i], c, x, w);
    performances[i] = {known[i].number, offered ? 0 : NOT_SUPPORTED, timed && offered ? i + 1.f : -1.f,
                       known[i].workspace, known[i].sums != ATOMIC, c.mathType, {}};
  }
  return 0;
}

}  // namespace

EMU_API int cudnnSetConvolution2dDescriptor(void *c, int padH, int padW, int strideH, int strideW, int dilationH,
                                            int dilationW, int mode, int type) {
  TRACE(c, padH, padW, strideH, strideW, dilationH, dilationW, mode, type);
  NEED(padH >= 0 && padW >= 0 && strideH > 0 && strideW > 0 && dilationH > 0 && dilationW > 0);
  auto &convolution = as<ConvolutionDescriptor>(c);
  int groups = convolution.groups;
  convolution = {{padH, padW}, {strideH, strideW}, {dilationH, dilationW}, mode != 0, typeOf(type), groups};
  return 0;
}

EMU_API int cudnnSetConvolutionNdDescriptor(void *c, int axes, const int *pad, const int *stride, const int *dilation,
                                            int mode, int type) {
  if (axes != 2) {
    return NOT_SUPPORTED;
  }
  return cudnnSetConvolution2dDescriptor(c, pad[0], pad[1], stride[0], stride[1], dilation[0], dilation[1], mode, type);
}

EMU_API int cudnnSetConvolutionGroupCount(void *c, int groups) {
  NEED(groups > 0);
  as<ConvolutionDescriptor>(c).groups = groups;
  return 0;
}

EMU_API int cudnnSetConvolutionMathType(void *c, int mathType) {
  NEED(mathType >= DEFAULT_MATH && mathType <= FMA_MATH);
  as<ConvolutionDescriptor>(c).mathType = mathType;
  return 0;
}

EMU_API int cudnnGetConvolution2dForwardOutputDim(void *c, void *x, void *w, int *n, int *k, int *h, int *v) {
  auto &convolution = as<ConvolutionDescriptor>(c);
  auto &input = as<TensorDescriptor>(x), &filter = as<TensorDescriptor>(w);
  NEED(input.dims[1] == filter.dims[1] * convolution.groups);
  *n = input.dims[0];
  *k = filter.dims[0];
  *h = outputSize(convolution, input, filter, 0);
  *v = outputSize(convolution, input, filter, 1);
  return 0;
}

EMU_API int cudnnGetConvolutionNdForwardOutputDim(void *c, void *x, void *w, int rank, int *dims) {
  if (rank != 4) {
    return NOT_SUPPORTED;
  }
  return cudnnGetConvolution2dForwardOutputDim(c, x, w, dims, dims + 1, dims + 2, dims + 3);
}

// The three kinds take x, w and y at different places among a, b and d.
#define LIST_ALGORITHMS(Name, Kind, Timed, X, W, Y)                                                                   \
  EMU_API int Name(void *handle, void *a, void *b, void *c, void *d, int wanted, int *found,                          \
                   Performance *performances) {                                                                       \
    ENTER(handle, a, b, c, d, wanted);                                                                                \
    NEED(fits(as<ConvolutionDescriptor>(c), as<TensorDescriptor>(X), as<TensorDescriptor>(W),                         \
              as<TensorDescriptor>(Y)));                                                                              \
    if (Timed && emu_capturing(state.stream)) {                                                                       \
      return EXECUTION_FAILED;                                                                                        \
    }                                                                                                                 \
    return listAlgorithms(Kind, Timed, as<ConvolutionDescriptor>(c), as<TensorDescriptor>(X),                         \
                          as<TensorDescriptor>(W), wanted, found, performances);                                      \
  }
#define ALGORITHMS(Name, Kind, X, W, Y)                                                                               \
  EMU_API int cudnnGetConvolution##Name##AlgorithmMaxCount(void *handle, int *count) {                                \
    *count = (int)algorithmsOf(Kind).size();                                                                          \
    return 0;                                                                                                         \
  }                                                                                                                   \
  LIST_ALGORITHMS(cudnnGetConvolution##Name##Algorithm_v7, Kind, false, X, W, Y)                                      \
  LIST_ALGORITHMS(cudnnFindConvolution##Name##Algorithm, Kind, true, X, W, Y)                                         \
  EMU_API int cudnnGetConvolution##Name##WorkspaceSize(void *handle, void *a, void *b, void *c, void *d,              \
                                                       int algorithm, size_t *bytes) {                                \
    ENTER(handle, a, b, c, d, algorithm);                                                                             \
    NEED(fits(as<ConvolutionDescriptor>(c), as<TensorDescriptor>(X), as<TensorDescriptor>(W),                         \
              as<TensorDescriptor>(Y)));                                                                              \
    return workspaceOf(Kind, algorithm, as<ConvolutionDescriptor>(c), as<TensorDescriptor>(X),                        \
                       as<TensorDescriptor>(W), bytes);                                                               \
  }
ALGORITHMS(Forward, FORWARD, a, b, d)
ALGORITHMS(BackwardData, BACKWARD_DATA, d, a, b)
ALGORITHMS(BackwardFilter, BACKWARD_FILTER, a, d, b)

// Begins a convolution with Geometry g: the algorithm must do it and have its workspace.
#define NEED_ALGORITHM(kind)                                                                   \
  NEED(fits(g.convolution, g.x, g.w, g.y));                                                    \
  size_t needed = 0;                                                                           \
  if (int status = workspaceOf(kind, algorithm, g.convolution, g.x, g.w, &needed)) {           \
    return status;                                                                             \
  }                                                                                            \
  NEED(bytes >= needed);                                                                       \
  bool tf32 = rounds(g.convolution, g.x);                                                      \
  float a = scalar(g.x, alpha), b = scalar(g.x, beta)

EMU_API int cudnnConvolutionForward(void *handle, const void *alpha, void *xd, const void *x, void *wd, const void *w,
                                    void *cd, int algorithm, void *workspace, size_t bytes, const void *beta, void *yd,
                                    void *y) {
  ENTER(handle, alpha, xd, x, wd, w, cd, algorithm, workspace, bytes, beta, yd, y);
  Geometry g{as<ConvolutionDescriptor>(cd), as<TensorDescriptor>(xd), as<TensorDescriptor>(wd),
             as<TensorDescriptor>(yd)};
  NEED_ALGORITHM(FORWARD);
  return issue(state, __func__, [=] {
    spoil(workspace, bytes, "cudnnConvolutionForward workspace");
    Floats vx = read(g.x, x, "cudnnConvolutionForward x"), vw = read(g.w, w, "cudnnConvolutionForward w");
    if (tf32) {
      toTf32(vx);
      toTf32(vw);
    }
    Floats vy(g.y.count());
    g.forEachTap([&](size_t weight, size_t xAt, size_t yAt, int count, int step) {
      float m = vw[weight], *to = &vy[yAt];
      const float *from = &vx[xAt];
      if (step == 1) {  // so that it vectorises
        for (int i = 0; i < count; i++) {
          to[i] += m * from[i];
        }
      } else {
        for (int i = 0; i < count; i++) {
          to[i] += m * from[i * step];
        }
      }
    });
    write(g.y, y, vy, "cudnnConvolutionForward y", a, b);
  });
}

EMU_API int cudnnConvolutionBackwardData(void *handle, const void *alpha, void *wd, const void *w, void *dyd,
                                         const void *dy, void *cd, int algorithm, void *workspace, size_t bytes,
                                         const void *beta, void *dxd, void *dx) {
  ENTER(handle, alpha, wd, w, dyd, dy, cd, algorithm, workspace, bytes, beta, dxd, dx);
  Geometry g{as<ConvolutionDescriptor>(cd), as<TensorDescriptor>(dxd), as<TensorDescriptor>(wd),
             as<TensorDescriptor>(dyd)};
  NEED_ALGORITHM(BACKWARD_DATA);
  return issue(state, __func__, [=] {
    spoil(workspace, bytes, "cudnnConvolutionBackwardData workspace");
    Floats vy = read(g.y, dy, "cudnnConvolutionBackwardData dy"), vw = read(g.w, w, "cudnnConvolutionBackwardData w");
    if (tf32) {
      toTf32(vy);
      toTf32(vw);
    }
    Floats vx(g.x.count());
    g.forEachTap([&](size_t weight, size_t xAt, size_t yAt, int count, int step) {
      float m = vw[weight], *to = &vx[xAt];
      const float *from = &vy[yAt];
      if (step == 1) {
        for (int i = 0; i < count; i++) {
          to[i] += m * from[i];
        }
      } else {
        for (int i = 0; i < count; i++) {
          to[i * step] += m * from[i];
        }
      }
    });
    write(g.x, dx, vx, "cudnnConvolutionBackwardData dx", a, b);
  });
}

EMU_API int cudnnConvolutionBackwardFilter(void *handle, const void *alpha, void *xd, const void *x, void *dyd,
                                           const void *dy, void *cd, int algorithm, void *workspace, size_t bytes,
                                           const void *beta, void *dwd, void *dw) {
  ENTER(handle, alpha, xd, x, dyd, dy, cd, algorithm, workspace, bytes, beta, dwd, dw);
  Geometry g{as<ConvolutionDescriptor>(cd), as<TensorDescriptor>(xd), as<TensorDescriptor>(dwd),
             as<TensorDescriptor>(dyd)};
  NEED_ALGORITHM(BACKWARD_FILTER);
  return issue(state, __func__, [=] {
    spoil(workspace, bytes, "cudnnConvolutionBackwardFilter workspace");
    Floats vy = read(g.y, dy, "cudnnConvolutionBackwardFilter dy");
    Floats vx = read(g.x, x, "cudnnConvolutionBackwardFilter x"), vw(g.w.count());
    if (tf32) {
      toTf32(vx);
      toTf32(vy);
    }
    g.forEachTap([&](size_t weight, size_t xAt, size_t yAt, int count, int step) {
      float sum = 0;
      for (int i = 0; i < count; i++) {
        sum += vx[xAt + i * step] * vy[yAt + i];
      }
      vw[weight] += sum;
    });
    write(g.w, dw, vw, "cudnnConvolutionBackwardFilter dw", a, b);
  });
}

EMU_API int cudnnConvolutionBackwardBias(void *handle, const void *alpha, void *dyd, const void *dy, const void *beta,
                                         void *dbd, void *db) {
  ENTER(handle, alpha, dyd, dy, beta, dbd, db);
  TensorDescriptor Y = as<TensorDescriptor>(dyd), B = as<TensorDescriptor>(dbd);
  NEED(Y.dims[1] == B.dims[1] && (int)B.count() == B.dims[1]);
  float a = scalar(Y, alpha), b = scalar(Y, beta);
  return issue(state, __func__, [=] {
    Floats values = read(Y, dy, "cudnnConvolutionBackwardBias dy"), sums(B.dims[1]);
    size_t image = Y.count() / Y.dims[0] / Y.dims[1];
    for (size_t i = 0; i < values.size(); i++) {
      sums[i / image % Y.dims[1]] += values[i];
    }
    write(B, db, sums, "cudnnConvolutionBackwardBias db", a, b);
  });
}
