#include "cublas/gemm.h"

#include <algorithm>
#include <string>

namespace emulator {

namespace {

// C += A B, packed column-major. Four columns at a time, for C is then read and written a quarter as often.
__attribute__((target_clones("avx2", "default"), optimize("O3")))
void multiply(size_t m, int n, int k, const float *A, const float *B, float *C) {
  for (int j = 0; j < n; j++) {
    float *c = C + j * m;
    const float *b = B + (size_t)j * k;
    int p = 0;
    for (; p + 4 <= k; p += 4) {
      const float *a = A + p * m;
      for (size_t i = 0; i < m; i++) {
        c[i] += a[i] * b[p] + a[i + m] * b[p + 1] + a[i + 2 * m] * b[p + 2] + a[i + 3 * m] * b[p + 3];
      }
    }
    for (; p < k; p++) {
      const float *a = A + p * m;
      for (size_t i = 0; i < m; i++) {
        c[i] += a[i] * b[p];
      }
    }
  }
}

char *item(const Matrix &matrix, int i) {
  return (char *)matrix.address + i * matrix.stride * (long long)bytesOf(matrix.type);
}

size_t extent(const Matrix &matrix, size_t rows, size_t columns) {
  return rows && columns ? ((columns - 1) * matrix.leadingDimension + rows) * bytesOf(matrix.type) : 0;
}

// op(matrix), packed column-major.
void pack(const Matrix &matrix, int index, bool transpose, int rows, int columns, Floats &out) {
  const char *from = item(matrix, index);
  size_t ld = matrix.leadingDimension;
  for (int j = 0; j < columns; j++) {
    for (int i = 0; i < rows; i++) {
      out[(size_t)j * rows + i] = load(matrix.type, from, transpose ? i * ld + j : j * ld + i);
    }
  }
}

bool isComputeType(int compute) {
  switch (compute) {
    case COMPUTE_16F:
    case COMPUTE_32F:
    case COMPUTE_64F:
    case COMPUTE_32F_FAST_TF32: return true;
    default: return false;
  }
}

int run(const Gemm &g, float alpha, float beta) {
  Floats A((size_t)g.m * g.k), B((size_t)g.k * g.n), C((size_t)g.m * g.n);
  std::string name = g.function;
  for (int i = 0; i < g.batch; i++) {
    size_t extentA = extent(g.a, g.transposeA ? g.k : g.m, g.transposeA ? g.m : g.k);
    size_t extentB = extent(g.b, g.transposeB ? g.n : g.k, g.transposeB ? g.k : g.n);
    int status = emu_range(item(g.a, i), extentA, (name + " A").c_str());
    status = status ? status : emu_range(item(g.b, i), extentB, (name + " B").c_str());
    status = status ? status : emu_range(item(g.c, i), extent(g.c, g.m, g.n), (name + " C").c_str());
    if (status) {
      return status;
    }
    pack(g.a, i, g.transposeA, g.m, g.k, A);
    pack(g.b, i, g.transposeB, g.k, g.n, B);
    if (g.tf32) {
      toTf32(A);
      toTf32(B);
    }
    std::fill(C.begin(), C.end(), 0.f);
    multiply(g.m, g.n, g.k, A.data(), B.data(), C.data());
    for (int column = 0; column < g.n; column++) {
      for (int row = 0; row < g.m; row++) {
        size_t at = (size_t)column * g.c.leadingDimension + row;
        // beta 0 means that C is not read: it may hold NaN.
        float old = beta == 0 ? 0 : beta * load(g.c.type, item(g.c, i), at);
        store(g.c.type, item(g.c, i), at, alpha * C[(size_t)column * g.m + row] + old);
      }
    }
  }
  return 0;
}

}  // namespace

int gemm(const CublasHandle &handle, const Gemm &call) {
  Gemm g = call;
  if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0 || g.a.leadingDimension < std::max(1, g.transposeA ? g.k : g.m) ||
      g.b.leadingDimension < std::max(1, g.transposeB ? g.n : g.k) || g.c.leadingDimension < std::max(1, g.m) ||
      !g.alpha || !g.beta) {
    return INVALID_VALUE;
  }
  bool sameTypes = g.a.type != OTHER && g.a.type == g.b.type &&
                   (g.c.type == g.a.type || (g.c.type == F32 && bytesOf(g.a.type) == 2));
  bool computable = (g.compute == COMPUTE_64F) == (g.a.type == F64) && (g.compute != COMPUTE_16F || g.a.type == F16);
  // cuBLAS has more compute types than these; a number that is none of its own is refused alike.
  bool fast = g.compute == COMPUTE_32F_FAST_TF32;
  if (!sameTypes || !computable || !isComputeType(g.compute) || (fast && g.c.type != F32)) {
    return NOT_SUPPORTED;
  }
  if (!g.m || !g.n || !g.batch) {
    return 0;
  }
  g.tf32 = g.a.type == F32 &&
           (fast || (g.compute == COMPUTE_32F && (handle.mathMode & mathModeBits) == TF32_TENSOR_OP_MATH));
  Type scalars = g.compute == COMPUTE_64F ? F64 : g.compute == COMPUTE_16F ? F16 : F32;
  bool onDevice = handle.scalarsOnDevice;
  float alpha = onDevice ? 0 : load(scalars, g.alpha, 0), beta = onDevice ? 0 : load(scalars, g.beta, 0);
  int status = emu_issue(handle.stream, g.function, [=] {
    if (!onDevice) {
      return run(g, alpha, beta);
    }
    if (emu_range(g.alpha, bytesOf(scalars), "alpha") || emu_range(g.beta, bytesOf(scalars), "beta")) {
      return 700;
    }
    return run(g, load(scalars, g.alpha, 0), load(scalars, g.beta, 0));
  });
  return status ? EXECUTION_FAILED : 0;
}

}  // namespace emulator
