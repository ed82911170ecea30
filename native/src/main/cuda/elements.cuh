// Element types in memory and what they become in a register. NVRTC knows no cuda_bf16.h without an include path.

// The upper half of a float; arithmetic happens in float.
struct alignas(2) bf16 {
  unsigned short bits;
};

__device__ __forceinline__ float load(float x) { return x; }
__device__ __forceinline__ int load(int x) { return x; }
__device__ __forceinline__ int load(unsigned char x) { return x; }
__device__ __forceinline__ bool load(bool x) { return x; }
__device__ __forceinline__ float load(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

__device__ __forceinline__ void store(float &to, float x) { to = x; }
__device__ __forceinline__ void store(int &to, int x) { to = x; }
__device__ __forceinline__ void store(unsigned char &to, int x) { to = (unsigned char)x; }
__device__ __forceinline__ void store(bool &to, bool x) { to = x; }

// Rounds to nearest even; NaN stays NaN.
__device__ __forceinline__ void store(bf16 &to, float x) {
  unsigned u = __float_as_uint(x);
  to.bits = x != x ? (unsigned short)(u >> 16 | 0x40u) : (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

// N elements that are read and written in one access, or in several of 16 bytes, the widest there are.
template <class T, int N> struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Pack {
  T at[N];
};
