// The handle, the version, and descriptors of tensors and filters.
#include "cudnn/descriptors.h"

#include "cudnn/operation.h"

namespace emulator {

namespace {

constexpr int NHWC = 1;
const int dataTypes[] = {0, 1, 2, 9};  // by Type

}  // namespace

Type typeOf(int dataType) {
  switch (dataType) {
    case 0: return F32;
    case 1: return F64;
    case 2: return F16;
    case 9: return BF16;
    default: return OTHER;
  }
}

int TensorDescriptor::set(int dataType, int format, int newRank, const int *newDims, const int *newStrides) {
  type = typeOf(dataType);
  rank = newRank;
  if (type == OTHER || rank < 1 || rank > maxDimensions) {
    return BAD_PARAM;
  }
  for (int i = 0; i < rank; i++) {
    dims[i] = newDims[i];
    if (dims[i] < 1) {
      return BAD_PARAM;
    }
  }
  if (newStrides) {
    std::copy(newStrides, newStrides + rank, strides);
    return 0;
  }
  int step = 1;
  bool channelsLast = format == NHWC && rank > 2;
  if (channelsLast) {
    strides[1] = 1;
    step = dims[1];
  }
  for (int i = rank; i-- > 0;) {
    if (channelsLast && i == 1) {
      continue;
    }
    strides[i] = step;
    step *= dims[i];
  }
  return 0;
}

size_t TensorDescriptor::count() const {
  size_t n = 1;
  for (int i = 0; i < rank; i++) {
    n *= dims[i];
  }
  return n;
}

size_t TensorDescriptor::extentBytes() const {
  size_t last = 1;
  for (int i = 0; i < rank; i++) {
    last += (size_t)(dims[i] - 1) * strides[i];
  }
  return last * bytesOf(type);
}

bool TensorDescriptor::sameDims(const TensorDescriptor &other) const {
  return rank == other.rank && std::equal(dims, dims + rank, other.dims);
}

bool TensorDescriptor::isPacked() const {
  size_t step = 1;
  for (int i = rank; i-- > 0;) {
    if (dims[i] > 1 && strides[i] != (int)step) {
      return false;
    }
    step *= dims[i];
  }
  return true;
}

}  // namespace emulator

using namespace emulator;

EMU_API size_t cudnnGetVersion() {
  return 90501;
}

EMU_API size_t cudnnGetCudartVersion() {
  return 12060;
}

EMU_API int cudnnGetProperty(int type, int *value) {
  *value = type == 0 ? 9 : type == 1 ? 5 : 1;
  return 0;
}

EMU_API const char *cudnnGetErrorString(int status) {
  switch (status) {
    case 0: return "CUDNN_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_STATUS_INTERNAL_ERROR";
  }
}

EMU_API int cudnnCreate(void **handle) {
  COUNT();
  *handle = new CudnnHandle;
  return 0;
}

EMU_API int cudnnDestroy(void *handle) {
  delete (CudnnHandle *)handle;
  return 0;
}

EMU_API int cudnnSetStream(void *handle, void *stream) {
  ENTER(handle, stream);
  state.stream = stream;
  return 0;
}

EMU_API int cudnnGetStream(void *handle, void **stream) {
  ENTER(handle, stream);
  *stream = state.stream;
  return 0;
}

#define DESCRIPTOR(Name, Type)                            \
  EMU_API int cudnnCreate##Name(void **descriptor) {      \
    COUNT();                                              \
    *descriptor = new Type();                             \
    return 0;                                             \
  }                                                       \
  EMU_API int cudnnDestroy##Name(void *descriptor) {      \
    delete (Type *)descriptor;                            \
    return 0;                                             \
  }
DESCRIPTOR(TensorDescriptor, TensorDescriptor)
DESCRIPTOR(FilterDescriptor, TensorDescriptor)
DESCRIPTOR(ConvolutionDescriptor, ConvolutionDescriptor)
DESCRIPTOR(PoolingDescriptor, PoolingDescriptor)
DESCRIPTOR(ActivationDescriptor, ActivationDescriptor)
DESCRIPTOR(DropoutDescriptor, DropoutDescriptor)
DESCRIPTOR(RNNDescriptor, RnnDescriptor)
DESCRIPTOR(RNNDataDescriptor, RnnDataDescriptor)

EMU_API int cudnnSetTensor4dDescriptor(void *d, int format, int type, int n, int c, int h, int w) {
  TRACE(d, format, type, n, c, h, w);
  int dims[] = {n, c, h, w};
  return as<TensorDescriptor>(d).set(type, format, 4, dims, nullptr);
}

EMU_API int cudnnSetTensor4dDescriptorEx(void *d, int type, int n, int c, int h, int w, int strideN, int strideC,
                                         int strideH, int strideW) {
  TRACE(d, type, n, c, h, w, strideN, strideC, strideH, strideW);
  int dims[] = {n, c, h, w}, strides[] = {strideN, strideC, strideH, strideW};
  return as<TensorDescriptor>(d).set(type, 0, 4, dims, strides);
}

EMU_API int cudnnSetTensorNdDescriptor(void *d, int type, int rank, const int *dims, const int *strides) {
  return as<TensorDescriptor>(d).set(type, 0, rank, dims, strides);
}

EMU_API int cudnnSetTensorNdDescriptorEx(void *d, int format, int type, int rank, const int *dims) {
  return as<TensorDescriptor>(d).set(type, format, rank, dims, nullptr);
}

EMU_API int cudnnGetTensorNdDescriptor(void *d, int wanted, int *type, int *rank, int *dims, int *strides) {
  auto &tensor = as<TensorDescriptor>(d);
  *type = tensor.type == OTHER ? 0 : dataTypes[tensor.type];
  *rank = tensor.rank;
  for (int i = 0; i < std::min(wanted, tensor.rank); i++) {
    dims[i] = tensor.dims[i];
    strides[i] = tensor.strides[i];
  }
  return 0;
}

EMU_API int cudnnGetTensorSizeInBytes(void *d, size_t *bytes) {
  *bytes = as<TensorDescriptor>(d).extentBytes();
  return 0;
}

EMU_API int cudnnSetFilter4dDescriptor(void *d, int type, int format, int k, int c, int h, int w) {
  TRACE(d, type, format, k, c, h, w);
  int dims[] = {k, c, h, w};
  return as<TensorDescriptor>(d).set(type, format, 4, dims, nullptr);
}

EMU_API int cudnnSetFilterNdDescriptor(void *d, int type, int format, int rank, const int *dims) {
  return as<TensorDescriptor>(d).set(type, format, rank, dims, nullptr);
}
