// libcublas.so.12: the gemm family.
#include "cublas/gemm.h"

#include <algorithm>

using namespace emulator;

namespace {

// Faults of the driver come back as a failed execution.
int failure(int status) {
  return status >= 100 ? EXECUTION_FAILED : status;
}

// cudaDataType.
Type typeOf(int dataType) {
  switch (dataType) {
    case 0: return F32;
    case 1: return F64;
    case 2: return F16;
    case 14: return BF16;
    default: return OTHER;
  }
}

}  // namespace

#define ENTER(...)                         \
  if (int entered = emu_enter(__func__)) { \
    return failure(entered);               \
  }                                        \
  if (trace(__func__, __VA_ARGS__)) {      \
    return 0;                              \
  }                                        \
  if (!handle) {                           \
    return NOT_INITIALIZED;                \
  }                                        \
  [[maybe_unused]] auto &state = *(CublasHandle *)handle

EMU_API int cublasCreate_v2(void **handle) {
  if (int status = emu_enter(__func__)) {
    return failure(status);
  }
  *handle = new CublasHandle;
  return 0;
}

EMU_API int cublasDestroy_v2(void *handle) {
  if (!handle) {
    return NOT_INITIALIZED;
  }
  delete (CublasHandle *)handle;
  return 0;
}

EMU_API int cublasGetVersion_v2(void *handle, int *version) {
  *version = 120600;
  return 0;
}

EMU_API int cublasGetProperty(int type, int *value) {
  *value = type == 0 ? 12 : type == 1 ? 6 : 0;
  return 0;
}

EMU_API const char *cublasGetStatusString(int status) {
  switch (status) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "unknown cublasStatus";
  }
}

EMU_API int cublasSetStream_v2(void *handle, void *stream) {
  ENTER(handle, stream);
  state.stream = stream;
  return 0;
}

EMU_API int cublasGetStream_v2(void *handle, void **stream) {
  ENTER(handle, stream);
  *stream = state.stream;
  return 0;
}

EMU_API int cublasSetWorkspace_v2(void *handle, void *workspace, size_t bytes) {
  ENTER(handle, workspace, bytes);
  if ((uintptr_t)workspace % 256) {
    return INVALID_VALUE;
  }
  return bytes && emu_range(workspace, bytes, "cublasSetWorkspace") ? EXECUTION_FAILED : 0;
}

EMU_API int cublasSetMathMode(void *handle, int mode) {
  ENTER(handle, mode);
  int kind = mode & mathModeBits;
  if ((mode & ~(mathModeBits | disallowReducedPrecisionReduction)) || kind < DEFAULT_MATH || kind > TF32_TENSOR_OP_MATH) {
    return INVALID_VALUE;
  }
  state.mathMode = mode;
  return 0;
}

EMU_API int cublasGetMathMode(void *handle, int *mode) {
  ENTER(handle, mode);
  *mode = state.mathMode;
  return 0;
}

EMU_API int cublasSetPointerMode_v2(void *handle, int mode) {
  ENTER(handle, mode);
  state.scalarsOnDevice = mode != 0;
  return 0;
}

EMU_API int cublasSetAtomicsMode(void *handle, int mode) {
  ENTER(handle, mode);
  return 0;
}

EMU_API int cublasSgemm_v2(void *handle, int transposeA, int transposeB, int m, int n, int k, const void *alpha,
                           const void *a, int lda, const void *b, int ldb, const void *beta, void *c, int ldc) {
  ENTER(handle, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  return gemm(state, {__func__, transposeA != 0, transposeB != 0, m, n, k, alpha, {a, F32, lda, 0}, {b, F32, ldb, 0},
                      beta, {c, F32, ldc, 0}, 1, COMPUTE_32F});
}

EMU_API int cublasSgemmStridedBatched(void *handle, int transposeA, int transposeB, int m, int n, int k,
                                      const void *alpha, const void *a, int lda, long long strideA, const void *b,
                                      int ldb, long long strideB, const void *beta, void *c, int ldc,
                                      long long strideC, int batch) {
  ENTER(handle, transposeA, transposeB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB, beta, c, ldc, strideC, batch);
  return gemm(state, {__func__, transposeA != 0, transposeB != 0, m, n, k, alpha, {a, F32, lda, strideA},
                      {b, F32, ldb, strideB}, beta, {c, F32, ldc, strideC}, batch, COMPUTE_32F});
}

EMU_API int cublasGemmEx(void *handle, int transposeA, int transposeB, int m, int n, int k, const void *alpha,
                         const void *a, int typeA, int lda, const void *b, int typeB, int ldb, const void *beta,
                         void *c, int typeC, int ldc, int compute, int algorithm) {
  ENTER(handle, transposeA, transposeB, m, n, k, alpha, a, typeA, lda, b, typeB, ldb, beta, c, typeC, ldc, compute,
        algorithm);
  return gemm(state, {__func__, transposeA != 0, transposeB != 0, m, n, k, alpha, {a, typeOf(typeA), lda, 0},
                      {b, typeOf(typeB), ldb, 0}, beta, {c, typeOf(typeC), ldc, 0}, 1, compute});
}

EMU_API int cublasGemmStridedBatchedEx(void *handle, int transposeA, int transposeB, int m, int n, int k,
                                       const void *alpha, const void *a, int typeA, int lda, long long strideA,
                                       const void *b, int typeB, int ldb, long long strideB, const void *beta, void *c,
                                       int typeC, int ldc, long long strideC, int batch, int compute, int algorithm) {
  ENTER(handle, transposeA, transposeB, m, n, k, alpha, a, typeA, lda, strideA, b, typeB, ldb, strideB, beta, c, typeC,
        ldc, strideC, batch, compute, algorithm);
  return gemm(state, {__func__, transposeA != 0, transposeB != 0, m, n, k, alpha, {a, typeOf(typeA), lda, strideA},
                      {b, typeOf(typeB), ldb, strideB}, beta, {c, typeOf(typeC), ldc, strideC}, batch, compute});
}

// As a product with a matrix of one column (incrementX 1) or one row.
EMU_API int cublasSgemv_v2(void *handle, int transposeA, int m, int n, const void *alpha, const void *a, int lda,
                           const void *x, int incrementX, const void *beta, void *y, int incrementY) {
  ENTER(handle, transposeA, m, n, alpha, a, lda, x, incrementX, beta, y, incrementY);
  if (incrementX < 1 || incrementY != 1) {
    return NOT_SUPPORTED;
  }
  int rows = transposeA ? n : m, inner = transposeA ? m : n;
  bool column = incrementX == 1;
  return gemm(state, {__func__, transposeA != 0, !column, rows, 1, inner, alpha, {a, F32, lda, 0},
                      {x, F32, column ? std::max(1, inner) : incrementX, 0}, beta, {y, F32, std::max(1, rows), 0}, 1,
                      COMPUTE_32F});
}
