// Softmax cross entropy, a block for each row. The largest logit is subtracted before exp, so that nothing overflows.

template <class Join> __device__ __forceinline__ float of_block(float mine, float *shared, Join join) {
  shared[threadIdx.x] = mine;
  for (int d = blockDim.x / 2; d > 0; d /= 2) {
    __syncthreads();
    if (threadIdx.x < d) {
      shared[threadIdx.x] = join(shared[threadIdx.x], shared[threadIdx.x + d]);
    }
  }
  __syncthreads();
  float all = shared[0];
  __syncthreads();
  return all;
}

extern "C" __global__ void __launch_bounds__(256) cross_entropy(const float *logits, const int *labels, float *loss,
    float *logSumExp, int classes, long long row, long long column, long long labelStep, long long lossStep,
    long long sumStep) {
  __shared__ float shared[256];
  const float *x = logits + blockIdx.x * row;
  float largest = __int_as_float((int)0xff800000u);
  for (int c = threadIdx.x; c < classes; c += blockDim.x) {
    largest = op_max(largest, x[c * column]);
  }
  largest = of_block(largest, shared, [](float a, float b) { return op_max(a, b); });
  // With an infinite largest logit the differences are NaN, as the sum is then.
  float sum = 0;
  for (int c = threadIdx.x; c < classes; c += blockDim.x) {
    sum += expf(x[c * column] - largest);
  }
  sum = of_block(sum, shared, [](float a, float b) { return a + b; });
  if (threadIdx.x == 0) {
    int label = labels[blockIdx.x * labelStep];
    float picked = label >= 0 && label < classes ? x[label * column] : 0;
    float logarithm = logf(sum);
    bool chosen = label >= 0 && label < classes;
    loss[blockIdx.x * lossStep] = chosen ? logarithm + (largest - picked) : largest + logarithm;
    logSumExp[blockIdx.x * sumStep] = largest + logarithm;
  }
}

extern "C" __global__ void __launch_bounds__(256) cross_entropy_grad(long long threads, const float *logits,
    const int *labels, const float *logSumExp, const float *gradLoss, float *gradLogits, int classes, long long row,
    long long column, long long labelStep, long long sumStep, long long gradStep, long long toRow, long long toColumn) {
  long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (thread >= threads) {
    return;
  }
  long long n = thread / classes, c = thread % classes;
  float p = expf(logits[n * row + c * column] - logSumExp[n * sumStep]);
  gradLogits[n * toRow + c * toColumn] = gradLoss[n * gradStep] * (labels[n * labelStep] == c ? p - 1 : p);
}
