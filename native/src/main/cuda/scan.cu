// Running sums. LINE_PARAMETERS and LINE_OFFSETS say where a line begins: in `from` at at0, in `to` at at1. Where lines
// are few, each is cut into parts; all orders of addition follow from sizes alone.

#define ITEMS 4

// A thread for each line.
extern "C" __global__ void __launch_bounds__(256)
    scan_threads(long long lines, const float *from, float *to, const float *, long long count, long long fromStep,
                 long long toStep, int reverse, long long, long long LINE_PARAMETERS) {
  long long index = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (index >= lines) {
    return;
  }
  LINE_OFFSETS
  float sum = 0;
#pragma unroll 4
  for (long long n = 0; n < count; n++) {
    long long i = reverse ? count - 1 - n : n;
    sum += from[at0 + i * fromStep];
    to[at1 + i * toStep] = sum;
  }
}

// partial [lines, parts]: the sum of each part.
extern "C" __global__ void __launch_bounds__(256)
    scan_parts(long long, const float *from, float *, float *partial, long long count, long long fromStep, long long,
               int reverse, long long parts, long long part LINE_PARAMETERS) {
  const long long mine = blockIdx.x % parts;
  long long index = blockIdx.x / parts;
  LINE_OFFSETS
  const long long end = (mine + 1) * part < count ? (mine + 1) * part : count;
  float sum = 0;
#pragma unroll 4
  for (long long n = mine * part + threadIdx.x; n < end; n += blockDim.x) {
    sum += from[at0 + (reverse ? count - 1 - n : n) * fromStep];
  }
  float total;
  sum_before(sum, total);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = total;
  }
}

// A block for each part.
extern "C" __global__ void __launch_bounds__(256)
    scan_blocks(long long, const float *from, float *to, const float *partial, long long count, long long fromStep,
                long long toStep, int reverse, long long parts, long long part LINE_PARAMETERS) {
  const long long mine = blockIdx.x % parts;
  long long index = blockIdx.x / parts;
  LINE_OFFSETS
  float before = 0;
  for (long long p = 0; p < mine; p++) {
    before += partial[blockIdx.x - mine + p];
  }
  const long long end = (mine + 1) * part < count ? (mine + 1) * part : count;
  for (long long start = mine * part; start < end; start += blockDim.x * ITEMS) {
    const long long first = start + threadIdx.x * ITEMS;
    float sums[ITEMS], sum = 0, total;
#pragma unroll
    for (int j = 0; j < ITEMS; j++) {
      long long n = first + j;
      sum += n < end ? from[at0 + (reverse ? count - 1 - n : n) * fromStep] : 0;
      sums[j] = sum;
    }
    float ahead = before + sum_before(sum, total);
#pragma unroll
    for (int j = 0; j < ITEMS; j++) {
      long long n = first + j;
      if (n < end) {
        to[at1 + (reverse ? count - 1 - n : n) * toStep] = ahead + sums[j];
      }
    }
    before += total;
  }
}
