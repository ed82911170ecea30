// What a reduction keeps of the elements it has seen. Joining two of them does not depend on which comes first, but for
// the rounding of sums, whose order is fixed by the shape alone.

enum Kind { SUM, MAX, MIN, ARGMAX, ARGMIN };

template <class T> struct Limits;

template <> struct Limits<float> {
  static __device__ __forceinline__ float lowest() { return __int_as_float((int)0xff800000u); }
  static __device__ __forceinline__ float highest() { return __int_as_float(0x7f800000); }
};

template <> struct Limits<int> {
  static __device__ __forceinline__ int lowest() { return (int)0x80000000u; }
  static __device__ __forceinline__ int highest() { return 0x7fffffff; }
};

template <Kind K, class T> struct Fold {
  T value;

  __device__ __forceinline__ void start() {
    value = K == SUM ? (T)0 : K == MAX ? Limits<T>::lowest() : Limits<T>::highest();
  }

  __device__ __forceinline__ void add(T x, long long) {
    value = K == SUM ? op_add(value, x) : K == MAX ? op_max(value, x) : op_min(value, x);
  }

  __device__ __forceinline__ void join(const Fold &other) { add(other.value, 0); }

  // Of the lane whose number differs in bit d.
  __device__ __forceinline__ Fold of_lane(int d) const {
    Fold other = {__shfl_xor_sync(~0u, value, d)};
    return other;
  }

  __device__ __forceinline__ T result() const { return value; }
};

// The first position of the extreme; NaN is more extreme than any number.
template <Kind K, class T> struct Position {
  T value;
  int at;

  __device__ __forceinline__ void start() {
    value = K == ARGMAX ? Limits<T>::lowest() : Limits<T>::highest();
    at = 0x7fffffff;
  }

  __device__ __forceinline__ void add(T x, long long position) {
    bool nan = x != x, mine = value != value;
    bool beyond = K == ARGMAX ? x > value : x < value;
    bool same = x == value || (nan && mine);
    if ((nan && !mine) || (!mine && beyond) || (same && (int)position < at)) {
      value = x;
      at = (int)position;
    }
  }

  __device__ __forceinline__ void join(const Position &other) { add(other.value, other.at); }

  __device__ __forceinline__ Position of_lane(int d) const {
    Position other = {__shfl_xor_sync(~0u, value, d), __shfl_xor_sync(~0u, at, d)};
    return other;
  }

  __device__ __forceinline__ int result() const { return at; }
};

// Leaves what LANES neighbouring threads have seen, a power of two, with the first of them. All threads of the block
// take part.
template <int LANES, class Partial> __device__ __forceinline__ void join_neighbours(Partial &all) {
#pragma unroll
  for (int d = (LANES < 32 ? LANES : 32) / 2; d > 0; d /= 2) {
    all.join(all.of_lane(d));
  }
  if (LANES > 32) {
    __shared__ Partial warps[32];
    const int warp = threadIdx.x / 32;
    if (threadIdx.x % 32 == 0) {
      warps[warp] = all;
    }
    __syncthreads();
    if (threadIdx.x % LANES == 0) {
#pragma unroll
      for (int w = 1; w < LANES / 32; w++) {
        all.join(warps[warp + w]);
      }
    }
  }
}

// The same for threads RESULTS apart, of results that lie side by side.
template <int LANES, int RESULTS, class Partial> __device__ __forceinline__ void join_across(Partial &all) {
  if (LANES > 1) {
    __shared__ Partial shared[LANES * RESULTS];
    shared[threadIdx.x] = all;
#pragma unroll
    for (int d = LANES / 2; d > 0; d /= 2) {
      __syncthreads();
      if (threadIdx.x < d * RESULTS) {
        all.join(shared[threadIdx.x + d * RESULTS]);
        shared[threadIdx.x] = all;
      }
    }
  }
}
