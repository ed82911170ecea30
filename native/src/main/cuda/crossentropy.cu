// Softmax cross entropy. LANES threads share a row, as many as have work: a part of a warp, a warp, or a block, and a
// block takes as many rows as it has room for. A lane takes four neighbouring classes at a time; PACKED says that they
// are read in one access, and changes no sum.

#define ROWS (256 / LANES)
#define INFINITE __int_as_float(0x7f800000)
#define NOT_A_NUMBER __int_as_float(0x7fc00000)

typedef Pack<float, 4> Four;

// Behind the last class nothing is added: exp(-infinity).
__device__ __forceinline__ Four four(const float *x, int c, int classes, long long column) {
  if (PACKED && c + 4 <= classes) {
    return *(const Four *)(x + c);
  }
  Four v;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    v.at[j] = c + j < classes ? x[(c + j) * column] : -INFINITE;
  }
  return v;
}

// The largest logit seen and the sum of exp(logit - largest), in one pass over them (Milakov and Gimelshein: Online
// normalizer calculation for softmax, 2018).
struct Normalizer {
  float largest;
  float sum;

  __device__ __forceinline__ void add(const Four &x) {
    float all = op_max(op_max(op_max(x.at[0], x.at[1]), op_max(x.at[2], x.at[3])), largest);
    // Infinities differ by NaN; where all are negative ones, there is nothing to add yet.
    if (all != -INFINITE) {
      sum = scaled(all) + ((expf(x.at[0] - all) + expf(x.at[1] - all)) + (expf(x.at[2] - all) + expf(x.at[3] - all)));
      largest = all;
    }
  }

  __device__ __forceinline__ float scaled(float all) const {
    return largest == all ? sum : sum * expf(largest - all);
  }

  __device__ __forceinline__ void join(const Normalizer &other) {
    float all = op_max(largest, other.largest);
    sum = scaled(all) + other.scaled(all);
    largest = all;
  }
};

extern "C" __global__ void __launch_bounds__(256)
    cross_entropy(long long rows, const float *logits, const int *labels, float *loss, float *logSumExp, int classes,
                  long long row, long long column, long long labelStep, long long lossStep, long long sumStep) {
  const int lane = threadIdx.x % LANES;
  const long long n = blockIdx.x * (long long)ROWS + threadIdx.x / LANES;
  const float *x = logits + (n < rows ? n : 0) * row;
  Normalizer all = {-INFINITE, 0};
  for (int c = lane * 4; c < classes; c += LANES * 4) {
    all.add(four(x, c, classes, column));
  }
#pragma unroll
  for (int d = (LANES < 32 ? LANES : 32) / 2; d > 0; d /= 2) {
    Normalizer other = {__shfl_xor_sync(~0u, all.largest, d), __shfl_xor_sync(~0u, all.sum, d)};
    all.join(other);
  }
#if LANES > 32
  __shared__ Normalizer warps[LANES / 32];
  if (threadIdx.x % 32 == 0) {
    warps[threadIdx.x / 32] = all;
  }
  __syncthreads();
  all = warps[0];
#pragma unroll
  for (int w = 1; w < LANES / 32; w++) {
    all.join(warps[w]);
  }
#endif
  if (lane == 0 && n < rows) {
    int label = labels[n * labelStep];
    bool chosen = label >= 0 && label < classes;
    float logarithm = all.largest == -INFINITE && classes > 0 ? NOT_A_NUMBER : logf(all.sum);
    loss[n * lossStep] = chosen ? logarithm + (all.largest - x[label * column]) : all.largest + logarithm;
    logSumExp[n * sumStep] = all.largest + logarithm;
  }
}

// A row is cut into `tiles` where rows are few.
extern "C" __global__ void __launch_bounds__(256)
    cross_entropy_grad(long long rows, const float *logits, const int *labels, const float *logSumExp,
                       const float *gradLoss, float *gradLogits, int classes, int tiles, long long row, long long column,
                       long long labelStep, long long sumStep, long long gradStep, long long toRow, long long toColumn) {
  const long long n = blockIdx.x / (unsigned)tiles * (long long)ROWS + threadIdx.x / LANES;
  if (n >= rows) {
    return;
  }
  const float *x = logits + n * row;
  float *to = gradLogits + n * toRow;
  const int label = labels[n * labelStep];
  const float sum = logSumExp[n * sumStep], grad = gradLoss[n * gradStep];
  for (int c = (blockIdx.x % (unsigned)tiles * LANES + threadIdx.x % LANES) * 4; c < classes; c += tiles * LANES * 4) {
    Four v = four(x, c, classes, column);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float p = expf(v.at[j] - sum);
      v.at[j] = grad * (c + j == label ? p - 1 : p);
    }
    if (PACKED && c + 4 <= classes) {
      *(Four *)(to + c) = v;
    } else {
      for (int j = 0; j < 4 && c + j < classes; j++) {
        to[(c + j) * toColumn] = v.at[j];
      }
    }
  }
}
