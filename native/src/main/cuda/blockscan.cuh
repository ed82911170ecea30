// The sum of the values of all threads before this one, in an order that the number of threads alone decides; threads
// of a block are a multiple of 32. total is the sum of all.
template <class T> __device__ __forceinline__ T sum_before(T value, T &total) {
  __shared__ T warps[32];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, count = blockDim.x >> 5;
  T sum = value;
#pragma unroll
  for (int d = 1; d < 32; d *= 2) {
    T other = __shfl_up_sync(~0u, sum, d);
    if (lane >= d) {
      sum += other;
    }
  }
  // Of the lanes before: a difference would not be exact.
  T before = __shfl_up_sync(~0u, sum, 1);
  if (lane == 0) {
    before = 0;
  }
  if (lane == 31) {
    warps[warp] = sum;
  }
  __syncthreads();
  T ahead = 0;
  total = 0;
  for (int w = 0; w < count; w++) {
    if (w == warp) {
      ahead = total;
    }
    total += warps[w];
  }
  // What is shared may be written anew.
  __syncthreads();
  return ahead + before;
}
