// Batch normalisation (Ioffe and Szegedy, 2015): mode 0 per activation, modes 1 and 2 per channel.
#include "cudnn/operation.h"

#include <cmath>

using namespace emulator;

namespace {

enum Mode { PER_ACTIVATION = 0, SPATIAL = 1, SPATIAL_PERSISTENT = 2 };
enum Fused { ALONE = 0, WITH_ACTIVATION = 1, WITH_ADD_AND_ACTIVATION = 2 };

using Doubles = std::vector<double>;

// Which mean and variance the i-th element belongs to.
struct Groups {
  size_t item, channelSize;
  bool perActivation;

  Groups(const TensorDescriptor &x, int mode)
      : item(x.count() / x.dims[0]), channelSize(item / x.dims[1]), perActivation(mode == PER_ACTIVATION) {}

  size_t operator[](size_t i) const { return perActivation ? i % item : i % item / channelSize; }
  size_t count() const { return perActivation ? item : item / channelSize; }
};

// cuDNN fuses only 16-bit channels-last tensors in the persistent mode.
bool isSupported(int mode, int fused, const TensorDescriptor &x) {
  return fused == ALONE || (mode == SPATIAL_PERSISTENT && x.strides[1] == 1 && bytesOf(x.type) == 2);
}

bool fitsScale(int mode, const TensorDescriptor &x, const TensorDescriptor &scale) {
  return scale.dims[1] == x.dims[1] && scale.count() == Groups(x, mode).count();
}

void moments(const Floats &x, const Groups &groups, Doubles &mean, Doubles &variance) {
  double perGroup = x.size() / groups.count();
  for (size_t i = 0; i < x.size(); i++) {
    mean[groups[i]] += x[i] / perGroup;
  }
  for (size_t i = 0; i < x.size(); i++) {
    double d = x[i] - mean[groups[i]];
    variance[groups[i]] += d * d / perGroup;
  }
}

Floats toFloats(const Doubles &values) {
  return Floats(values.begin(), values.end());
}

// running = (1 - factor) running + factor value; at factor 1 the old one, maybe NaN, is not read.
void updateRunning(const TensorDescriptor &d, void *running, const Doubles &values, double factor, const char *what) {
  Floats old = read(d, running, what);
  for (size_t k = 0; k < old.size(); k++) {
    old[k] = (factor == 1 ? 0 : old[k] * (1 - factor)) + values[k] * factor;
  }
  write(d, running, old, what);
}

}  // namespace

EMU_API int cudnnDeriveBNTensorDescriptor(void *derived, void *xd, int mode) {
  auto &x = as<TensorDescriptor>(xd);
  int dims[maxDimensions];
  for (int i = 0; i < x.rank; i++) {
    dims[i] = i == 1 || (mode == PER_ACTIVATION && i > 1) ? x.dims[i] : 1;
  }
  return as<TensorDescriptor>(derived).set(x.type == F64, 0, x.rank, dims, nullptr);
}

EMU_API int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void *handle, int mode, int fused, void *xd,
                                                                     void *zd, void *yd, void *sd, void *ad,
                                                                     size_t *bytes) {
  ENTER(handle, mode, fused, xd, zd, yd, sd, ad);
  *bytes = workspaceBytes;
  return 0;
}

EMU_API int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void *handle, int mode, int fused, void *xd, void *yd,
                                                              void *dyd, void *dzd, void *dxd, void *sd, void *ad,
                                                              size_t *bytes) {
  ENTER(handle, mode, fused, xd, yd, dyd, dzd, dxd, sd, ad);
  *bytes = workspaceBytes;
  return 0;
}

EMU_API int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void *handle, int mode, int fused, void *ad, void *xd,
                                                                 size_t *bytes) {
  ENTER(handle, mode, fused, ad, xd);
  *bytes = 256;
  return 0;
}

EMU_API int cudnnBatchNormalizationForwardTrainingEx(
    void *handle, int mode, int fused, const void *alpha, const void *beta, void *xd, const void *x, void *zd,
    const void *z, void *yd, void *y, void *sd, const void *scale, const void *bias, double factor, void *runningMean,
    void *runningVariance, double epsilon, void *savedMean, void *savedInverse, void *ad, void *workspace,
    size_t workspaceSize, void *reserve, size_t reserveSize) {
  ENTER(handle, mode, fused, alpha, beta, xd, x, zd, z, yd, y, sd, scale, bias, factor, runningMean, runningVariance,
        epsilon, savedMean, savedInverse, ad, workspace, workspaceSize, reserve, reserveSize);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd), S = as<TensorDescriptor>(sd), Z;
  if (fused == WITH_ADD_AND_ACTIVATION) {
    Z = as<TensorDescriptor>(zd);
  }
  if (!isSupported(mode, fused, X)) {
    return NOT_SUPPORTED;
  }
  NEED(X.sameDims(Y) && fitsScale(mode, X, S));
  float a = scalar(X, alpha), b = scalar(X, beta);
  ActivationDescriptor A = fused ? as<ActivationDescriptor>(ad) : ActivationDescriptor();
  return issue(state, __func__, [=] {
    spoil(workspace, workspaceSize, "cudnnBatchNormalizationForwardTraining workspace");
    Floats values = read(X, x, "cudnnBatchNormalizationForwardTraining x"), w = read(S, scale, "scale");
    Floats c = read(S, bias, "bias"), added(values.size());
    if (fused == WITH_ADD_AND_ACTIVATION) {
      added = read(Z, z, "z");
    }
    Groups groups(X, mode);
    Doubles mean(w.size()), variance(w.size()), inverse(w.size());
    moments(values, groups, mean, variance);
    for (size_t k = 0; k < inverse.size(); k++) {
      inverse[k] = 1 / std::sqrt(variance[k] + epsilon);
    }
    for (size_t i = 0; i < values.size(); i++) {
      size_t k = groups[i];
      values[i] = activate(A, w[k] * (values[i] - mean[k]) / std::sqrt(variance[k] + epsilon) + c[k] + added[i]);
    }
    write(Y, y, values, "cudnnBatchNormalizationForwardTraining y", a, b);
    if (runningMean) {
      double perGroup = values.size() / groups.count();
      for (double &v : variance) {
        v *= perGroup / std::max(1., perGroup - 1);  // unbiased
      }
      updateRunning(S, runningMean, mean, factor, "running mean");
      updateRunning(S, runningVariance, variance, factor, "running variance");
    }
    if (savedMean) {
      write(S, savedMean, toFloats(mean), "saved mean");
      write(S, savedInverse, toFloats(inverse), "saved inverse deviation");
    }
  });
}

EMU_API int cudnnBatchNormalizationForwardTraining(void *handle, int mode, const void *alpha, const void *beta,
                                                   void *xd, const void *x, void *yd, void *y, void *sd,
                                                   const void *scale, const void *bias, double factor,
                                                   void *runningMean, void *runningVariance, double epsilon,
                                                   void *savedMean, void *savedInverse) {
  return cudnnBatchNormalizationForwardTrainingEx(handle, mode, ALONE, alpha, beta, xd, x, nullptr, nullptr, yd, y, sd,
                                                  scale, bias, factor, runningMean, runningVariance, epsilon, savedMean,
                                                  savedInverse, nullptr, nullptr, 0, nullptr, 0);
}

EMU_API int cudnnBatchNormalizationForwardInference(void *handle, int mode, const void *alpha, const void *beta,
                                                    void *xd, const void *x, void *yd, void *y, void *sd,
                                                    const void *scale, const void *bias, const void *mean,
                                                    const void *variance, double epsilon) {
  ENTER(handle, mode, alpha, beta, xd, x, yd, y, sd, scale, bias, mean, variance, epsilon);
  TensorDescriptor X = as<TensorDescriptor>(xd), Y = as<TensorDescriptor>(yd), S = as<TensorDescriptor>(sd);
  NEED(X.sameDims(Y) && fitsScale(mode, X, S));
  float a = scalar(X, alpha), b = scalar(X, beta);
  return issue(state, __func__, [=] {
    Floats values = read(X, x, "cudnnBatchNormalizationForwardInference x");
    Floats w = read(S, scale, "scale"), c = read(S, bias, "bias");
    Floats m = read(S, mean, "mean"), v = read(S, variance, "variance");
    Groups groups(X, mode);
    for (size_t i = 0; i < values.size(); i++) {
      size_t k = groups[i];
      values[i] = w[k] * (values[i] - m[k]) / std::sqrt(v[k] + (float)epsilon) + c[k];
    }
    write(Y, y, values, "cudnnBatchNormalizationForwardInference y", a, b);
  });
}

EMU_API int cudnnBatchNormalizationBackwardEx(
    void *handle, int mode, int fused, const void *alphaData, const void *betaData, const void *alphaParameters,
    const void *betaParameters, void *xd, const void *x, void *yd, const void *y, void *dyd, const void *dy, void *dzd,
    void *dz, void *dxd, void *dx, void *sd, const void *scale, const void *bias, void *dScale, void *dBias,
    double epsilon, const void *savedMean, const void *savedInverse, void *ad, void *workspace, size_t workspaceSize,
    void *reserve, size_t reserveSize) {
  ENTER(handle, mode, fused, alphaData, betaData, alphaParameters, betaParameters, xd, x, yd, y, dyd, dy, dzd, dz, dxd,
        dx, sd, scale, bias, dScale, dBias, epsilon, savedMean, savedInverse, ad, workspace, workspaceSize, reserve,
        reserveSize);
  TensorDescriptor X = as<TensorDescriptor>(xd), DY = as<TensorDescriptor>(dyd), DX = as<TensorDescriptor>(dxd);
  TensorDescriptor S = as<TensorDescriptor>(sd), Y, DZ;
  if (fused) {
    Y = as<TensorDescriptor>(yd);
  }
  if (fused == WITH_ADD_AND_ACTIVATION) {
    DZ = as<TensorDescriptor>(dzd);
  }
  if (!isSupported(mode, fused, X)) {
    return NOT_SUPPORTED;
  }
  NEED(X.sameDims(DY) && X.sameDims(DX) && fitsScale(mode, X, S));
  float a = scalar(X, alphaData), b = scalar(X, betaData);
  float pa = scalar(X, alphaParameters), pb = scalar(X, betaParameters);
  ActivationDescriptor A = fused ? as<ActivationDescriptor>(ad) : ActivationDescriptor();
  return issue(state, __func__, [=] {
    spoil(workspace, workspaceSize, "cudnnBatchNormalizationBackward workspace");
    Floats in = read(X, x, "cudnnBatchNormalizationBackward x");
    Floats g = read(DY, dy, "cudnnBatchNormalizationBackward dy"), w = read(S, scale, "scale");
    if (fused) {
      Floats out = read(Y, y, "cudnnBatchNormalizationBackward y");
      for (size_t i = 0; i < g.size(); i++) {
        g[i] *= slope(A, out[i], out[i]);
      }
    }
    if (fused == WITH_ADD_AND_ACTIVATION) {
      write(DZ, dz, g, "dz");
    }
    Groups groups(X, mode);
    double perGroup = in.size() / groups.count();
    Doubles mean(w.size()), inverse(w.size()), sum(w.size()), sumOfProducts(w.size());
    if (savedMean) {
      Floats m = read(S, savedMean, "saved mean"), i = read(S, savedInverse, "saved inverse deviation");
      mean.assign(m.begin(), m.end());
      inverse.assign(i.begin(), i.end());
    } else {
      moments(in, groups, mean, inverse);
      for (double &v : inverse) {
        v = 1 / std::sqrt(v + epsilon);
      }
    }
    for (size_t i = 0; i < in.size(); i++) {
      size_t k = groups[i];
      sum[k] += g[i];
      sumOfProducts[k] += g[i] * (in[i] - mean[k]) * inverse[k];
    }
    for (size_t i = 0; i < in.size(); i++) {
      size_t k = groups[i];
      double normalized = (in[i] - mean[k]) * inverse[k];
      g[i] = w[k] * inverse[k] * (g[i] - sum[k] / perGroup - normalized * sumOfProducts[k] / perGroup);
    }
    write(DX, dx, g, "cudnnBatchNormalizationBackward dx", a, b);
    write(S, dScale, toFloats(sumOfProducts), "cudnnBatchNormalizationBackward dScale", pa, pb);
    write(S, dBias, toFloats(sum), "cudnnBatchNormalizationBackward dBias", pa, pb);
  });
}

EMU_API int cudnnBatchNormalizationBackward(void *handle, int mode, const void *alphaData, const void *betaData,
                                            const void *alphaParameters, const void *betaParameters, void *xd,
                                            const void *x, void *dyd, const void *dy, void *dxd, void *dx, void *sd,
                                            const void *scale, void *dScale, void *dBias, double epsilon,
                                            const void *savedMean, const void *savedInverse) {
  return cudnnBatchNormalizationBackwardEx(handle, mode, ALONE, alphaData, betaData, alphaParameters, betaParameters,
                                           xd, x, nullptr, nullptr, dyd, dy, nullptr, nullptr, dxd, dx, sd, scale,
                                           nullptr, dScale, dBias, epsilon, savedMean, savedInverse, nullptr, nullptr,
                                           0, nullptr, 0);
}
