#pragma once

#include "tensors.h"

namespace emulator {

// cuBLAS's statuses that the emulator returns.
enum CublasStatus : int { NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };

struct CublasHandle {
  void *stream = nullptr;
  bool scalarsOnDevice = false;
  int mathMode = 0;
};

enum ComputeType { COMPUTE_16F = 64, COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32F_FAST_TF32 = 77 };

// cublasMath_t, in the lower four bits of a mode.
enum MathMode { DEFAULT_MATH = 0, PEDANTIC_MATH = 2, TF32_TENSOR_OP_MATH = 3 };
constexpr int mathModeBits = 15, disallowReducedPrecisionReduction = 16;

// Column-major, columns leadingDimension apart; the matrices of a batch stride elements apart.
struct Matrix {
  const void *address;
  Type type;
  int leadingDimension;
  long long stride;
};

struct Gemm {
  const char *function;  // named in reports
  bool transposeA, transposeB;
  int m, n, k;
  const void *alpha;
  Matrix a, b;
  const void *beta;
  Matrix c;
  int batch;
  int compute;
  bool tf32 = false;  // F32 operands are rounded
};

// C (m by n) = alpha op(A) op(B) + beta C on the handle's stream, summed in fp32 whatever the types.
int gemm(const CublasHandle &handle, const Gemm &call);

}  // namespace emulator
