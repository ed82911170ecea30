// What the opaque descriptors of cuDNN hold.
#pragma once

#include "tensors.h"

#include <algorithm>

namespace emulator {

enum CudnnStatus : int { NOT_INITIALIZED = 1001, BAD_PARAM = 2000, NOT_SUPPORTED = 3000, EXECUTION_FAILED = 5000 };

constexpr int maxDimensions = 8;

// cudnnDataType.
Type typeOf(int dataType);

// Also of filters.
struct TensorDescriptor {
  Type type = OTHER;
  int rank = 0;
  int dims[maxDimensions] = {}, strides[maxDimensions] = {};

  // strides: null for those of the format (0 NCHW, 1 NHWC).
  int set(int dataType, int format, int rank, const int *dims, const int *strides);

  size_t count() const;
  size_t extentBytes() const;
  bool sameDims(const TensorDescriptor &other) const;
  bool isPacked() const;

  // Calls f(index, offset) for all elements, the last dimension fastest.
  template <class F>
  void forEach(F f) const {
    int index[maxDimensions] = {};
    size_t offset = 0, n = count();
    for (size_t i = 0; i < n; i++) {
      f(i, offset);
      for (int k = rank; k-- > 0;) {
        offset += strides[k];
        if (++index[k] < dims[k]) {
          break;
        }
        offset -= (size_t)strides[k] * dims[k];
        index[k] = 0;
      }
    }
  }
};

// cudnnMathType. With all but the last, operands of F32 may be rounded to TF32.
enum MathType { DEFAULT_MATH = 0, TENSOR_OP_MATH = 1, TENSOR_OP_MATH_ALLOW_CONVERSION = 2, FMA_MATH = 3 };

struct ConvolutionDescriptor {
  int padding[2], stride[2], dilation[2];
  bool crossCorrelation;
  Type computeType = OTHER;
  int groups = 1, mathType = DEFAULT_MATH;
};

enum PoolingMode { MAX = 0, AVERAGE_INCLUDE_PADDING = 1, AVERAGE_EXCLUDE_PADDING = 2, MAX_DETERMINISTIC = 3 };

struct PoolingDescriptor {
  int mode, window[2], padding[2], stride[2];

  bool isMax() const { return mode == MAX || mode == MAX_DETERMINISTIC; }
};

enum ActivationMode { SIGMOID = 0, RELU = 1, TANH = 2, CLIPPED_RELU = 3, ELU = 4, IDENTITY = 5, SWISH = 6 };

struct ActivationDescriptor {
  int mode = IDENTITY;
  double coefficient = 0, swishBeta = 1;
};

struct DropoutDescriptor {
  float probability = 0;
  uint64_t *states = nullptr;  // on the device: the seed, which each call increases
};

enum CellMode { RNN_RELU = 0, RNN_TANH = 1, LSTM = 2, GRU = 3 };
enum BiasMode { NO_BIAS = 0, SINGLE_INPUT_BIAS = 1, DOUBLE_BIAS = 2, SINGLE_RECURRENT_BIAS = 3 };

struct RnnDescriptor {
  int cell, biasMode;
  bool bidirectional;
  int dataType, mathType, inputSize, hiddenSize, layers;
  DropoutDescriptor dropout;

  int gates() const { return cell == LSTM ? 4 : cell == GRU ? 3 : 1; }
  int directions() const { return bidirectional ? 2 : 1; }
  bool tf32() const { return typeOf(dataType) == F32 && mathType != FMA_MATH; }
  int pseudoLayers() const { return layers * directions(); }  // a layer and a direction
};

enum SequenceLayout { SEQUENCE_MAJOR_UNPACKED = 0, SEQUENCE_MAJOR_PACKED = 1, BATCH_MAJOR_UNPACKED = 2 };

struct RnnDataDescriptor {
  Type type = OTHER;
  int layout = 0, maxLength = 0, batch = 0, vectorSize = 0;
  std::vector<int> lengths;
  bool fills = false;  // padding of outputs
  float fillValue = 0;

  size_t offset(int time, int item) const;
  size_t count() const;
};

template <class T>
T &as(void *descriptor) {
  return *(T *)descriptor;
}

}  // namespace emulator
