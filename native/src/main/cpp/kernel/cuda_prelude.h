// Put in front of CUDA C++ source, so that g++ compiles it for the host and the emulated driver runs it. It offers the
// names that NVRTC knows without any include, and no others (no uint32_t, INFINITY, bf16), so that what compiles here
// compiles there. It includes no standard header: a kernel compiles in some tens of milliseconds, with them in over 100.
#pragma once

typedef unsigned long size_t;
typedef unsigned long long emu_u64;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// Laid out as in driver/executor.h.
struct EmuThread {
  dim3 thread, block, threads, blocks;
  int linear;
};

// ---- what the emulated driver offers ----

extern "C" {
extern EmuThread *emu_self;       // the running CUDA thread
extern char emu_dynamic[];        // the launch's dynamic shared memory
void emu_sync_block();            // these yield the fiber
void emu_sync_warp(unsigned mask);
int emu_block_count(int predicate);
void *emu_warp_slots();           // 32 times 8 bytes, one for each lane
void emu_trap(const char *what);
void emu_touch(void *p, size_t n);  // the check that plain loads and stores get from the compiler's hooks

int printf(const char *, ...);
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);

// ---- what libm offers ----

#define EMU_UNARY(name)  \
  double name(double); \
  float name##f(float);
EMU_UNARY(sqrt) EMU_UNARY(cbrt) EMU_UNARY(exp) EMU_UNARY(exp2) EMU_UNARY(exp10) EMU_UNARY(expm1)
EMU_UNARY(log) EMU_UNARY(log2) EMU_UNARY(log10) EMU_UNARY(log1p)
EMU_UNARY(sin) EMU_UNARY(cos) EMU_UNARY(tan) EMU_UNARY(asin) EMU_UNARY(acos) EMU_UNARY(atan)
EMU_UNARY(sinh) EMU_UNARY(cosh) EMU_UNARY(tanh) EMU_UNARY(erf) EMU_UNARY(erfc) EMU_UNARY(lgamma) EMU_UNARY(tgamma)
EMU_UNARY(fabs) EMU_UNARY(floor) EMU_UNARY(ceil) EMU_UNARY(round) EMU_UNARY(rint) EMU_UNARY(trunc)

#define EMU_BINARY(name)         \
  double name(double, double); \
  float name##f(float, float);
EMU_BINARY(fmax) EMU_BINARY(fmin) EMU_BINARY(pow) EMU_BINARY(fmod) EMU_BINARY(atan2) EMU_BINARY(copysign)
EMU_BINARY(hypot)

double ldexp(double, int);
float ldexpf(float, int);
double fma(double, double, double);
float fmaf(float, float, float);
}

// ---- qualifiers and built-in variables ----

#define threadIdx (emu_thread_idx())
#define blockIdx (emu_block_idx())
#define blockDim (emu_block_dim())
#define gridDim (emu_grid_dim())
#define warpSize 32
#define __global__
#define __device__
#define __host__
#define __constant__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define __shared__ static  // one block runs at a time; shared_section.ld gathers them

// Without hooks, and so never inlined into what has them: the hooks need not know the emulator's own data.
#define EMU_RAW inline __attribute__((no_sanitize("thread", "undefined")))
EMU_RAW dim3 emu_thread_idx() { return emu_self->thread; }
EMU_RAW dim3 emu_block_idx() { return emu_self->block; }
EMU_RAW dim3 emu_block_dim() { return emu_self->threads; }
EMU_RAW dim3 emu_grid_dim() { return emu_self->blocks; }
EMU_RAW int emu_lane() { return emu_self->linear & 31; }

// ---- barriers ----

inline void __syncthreads() { emu_sync_block(); }
inline void __syncwarp(unsigned mask = ~0u) { emu_sync_warp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline int __syncthreads_count(int p) { return emu_block_count(p); }
inline int __syncthreads_or(int p) { return emu_block_count(p) > 0; }
inline int __syncthreads_and(int p) { return emu_block_count(!p) == 0; }

// ---- vector types ----

#define EMU_VECTORS(T, name, alignment)                                       \
  struct alignas(2 * sizeof(T)) name##2 { T x, y; };                          \
  struct name##3 { T x, y, z; };                                              \
  struct alignas(alignment) name##4 { T x, y, z, w; };                        \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                  \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }          \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMU_VECTORS(float, float, 16)
EMU_VECTORS(double, double, 16)
EMU_VECTORS(int, int, 16)
EMU_VECTORS(unsigned, uint, 16)
EMU_VECTORS(long long, longlong, 16)
EMU_VECTORS(short, short, 8)
EMU_VECTORS(unsigned short, ushort, 8)
EMU_VECTORS(unsigned char, uchar, 4)

// ---- loads and stores with a cache hint ----

template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldcs(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T, class U> void __stcs(T *p, U v) { *p = v; }
template <class T, class U> void __stcg(T *p, U v) { *p = v; }

// ---- arithmetic ----

#define EMU_OVERLOAD(name) inline float name(float x) { return name##f(x); }
EMU_OVERLOAD(sqrt) EMU_OVERLOAD(exp) EMU_OVERLOAD(log) EMU_OVERLOAD(tanh) EMU_OVERLOAD(erf) EMU_OVERLOAD(fabs)
EMU_OVERLOAD(floor) EMU_OVERLOAD(sin) EMU_OVERLOAD(cos)

inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float fdividef(float a, float b) { return a / b; }
inline float normcdff(float x) { return .5f * erfcf(-x * .70710678f); }
inline float sinpif(float x) { return sinf(x * 3.14159265f); }
inline float cospif(float x) { return cosf(x * 3.14159265f); }
inline void sincosf(float x, float *s, float *c) {
  *s = sinf(x);
  *c = cosf(x);
}
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float a, float b) { return powf(a, b); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x == x ? x : 0; }
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)

// Only the pairs of types that NVRTC does not find ambiguous.
#define EMU_MIN_MAX(R, A, B)                                  \
  inline R min(A a, B b) { return (R)b < (R)a ? (R)b : (R)a; } \
  inline R max(A a, B b) { return (R)a < (R)b ? (R)b : (R)a; }
EMU_MIN_MAX(int, int, int)
EMU_MIN_MAX(unsigned, unsigned, unsigned)
EMU_MIN_MAX(unsigned, int, unsigned)
EMU_MIN_MAX(unsigned, unsigned, int)
EMU_MIN_MAX(long, long, long)
EMU_MIN_MAX(unsigned long, unsigned long, unsigned long)
EMU_MIN_MAX(long long, long long, long long)
EMU_MIN_MAX(emu_u64, emu_u64, emu_u64)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline int abs(int a) { return a < 0 ? -a : a; }

inline unsigned __umulhi(unsigned a, unsigned b) { return (emu_u64)a * b >> 32; }
inline int __mulhi(int a, int b) { return (long long)a * b >> 32; }
inline emu_u64 __umul64hi(emu_u64 a, emu_u64 b) { return (unsigned __int128)a * b >> 64; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i);
  return r;
}
inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
  n &= 31;
  return n ? hi << n | lo >> (32 - n) : hi;
}
inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) {
  n &= 31;
  return n ? hi << (32 - n) | lo >> n : lo;
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  emu_u64 v = (emu_u64)b << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; i++) r |= (unsigned)(v >> (selector >> 4 * i & 7) * 8 & 255) << 8 * i;
  return r;
}

template <class D, class S> EMU_RAW D emu_bits(S s) {
  D d;
  __builtin_memcpy(&d, &s, sizeof d);
  return d;
}
inline float __int_as_float(int x) { return emu_bits<float>(x); }
inline int __float_as_int(float x) { return emu_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }
inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
inline double __longlong_as_double(long long x) { return emu_bits<double>(x); }
inline long long __double_as_longlong(double x) { return emu_bits<long long>(x); }
inline int __float2int_rn(float x) { return (int)rintf(x); }
inline int __float2int_rz(float x) { return x != x ? 0 : x >= 0x1p31f ? 0x7fffffff : x < -0x1p31f ? (int)0x80000000 : (int)x; }
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }

#define assert(x) ((x) ? (void)0 : emu_trap("assertion failed: " #x))
inline void __trap() { emu_trap("__trap"); }
inline void __nanosleep(unsigned) {}
inline long long clock64() { return 0; }
#define __builtin_assume(x) ((void)0)

// ---- warp operations ----

template <class T> EMU_RAW T emu_shuffle(unsigned mask, T v, int source) {
  emu_u64 *slots = (emu_u64 *)emu_warp_slots();
  T r = v;
  __builtin_memcpy(&slots[emu_lane()], &v, sizeof(T));
  emu_sync_warp(mask);
  if (source >= 0 && source < 32) __builtin_memcpy(&r, &slots[source], sizeof(T));
  emu_sync_warp(mask);
  slots[emu_lane()] = ~0ul;  // a lane that takes no part in the next one reads as NaN
  return r;
}
template <class T> T __shfl_sync(unsigned mask, T v, int lane, int width = 32) {
  return emu_shuffle(mask, v, (emu_lane() & ~(width - 1)) + (lane & (width - 1)));
}
template <class T> T __shfl_down_sync(unsigned mask, T v, int delta, int width = 32) {
  int lane = emu_lane();
  return emu_shuffle(mask, v, (lane & (width - 1)) + delta < width ? lane + delta : lane);
}
template <class T> T __shfl_up_sync(unsigned mask, T v, int delta, int width = 32) {
  int lane = emu_lane();
  return emu_shuffle(mask, v, (lane & (width - 1)) - delta >= 0 ? lane - delta : lane);
}
template <class T> T __shfl_xor_sync(unsigned mask, T v, int laneMask, int width = 32) {
  return emu_shuffle(mask, v, emu_lane() ^ laneMask);
}
EMU_RAW unsigned __ballot_sync(unsigned mask, int predicate) {
  emu_u64 *slots = (emu_u64 *)emu_warp_slots();
  unsigned r = 0;
  slots[emu_lane()] = predicate != 0;
  emu_sync_warp(mask);
  for (int i = 0; i < 32; i++) {
    if (mask >> i & 1) r |= (unsigned)slots[i] << i;
  }
  emu_sync_warp(mask);
  return r;
}
inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }

#define EMU_WARP_REDUCE(T, name, expression)              \
  inline T name(unsigned mask, T v) {                     \
    for (int d = 16; d; d >>= 1) {                        \
      T o = __shfl_xor_sync(mask, v, d);                  \
      v = expression;                                     \
    }                                                     \
    return v;                                             \
  }
EMU_WARP_REDUCE(unsigned, __reduce_add_sync, v + o)
EMU_WARP_REDUCE(int, __reduce_add_sync, v + o)
EMU_WARP_REDUCE(unsigned, __reduce_max_sync, max(v, o))
EMU_WARP_REDUCE(int, __reduce_max_sync, max(v, o))
EMU_WARP_REDUCE(unsigned, __reduce_min_sync, min(v, o))
EMU_WARP_REDUCE(int, __reduce_min_sync, min(v, o))

// ---- atomics: threads of the emulator never run at once ----

#define EMU_ATOMIC(T, name, expression) \
  EMU_RAW T name(T *p, T v) {           \
    emu_touch(p, sizeof(T));            \
    T o = *p;                           \
    *p = expression;                    \
    return o;                           \
  }
#define EMU_INTEGER_ATOMIC(name, expression) \
  EMU_ATOMIC(int, name, expression)          \
  EMU_ATOMIC(unsigned, name, expression)     \
  EMU_ATOMIC(emu_u64, name, expression)
EMU_INTEGER_ATOMIC(atomicAdd, o + v)
EMU_ATOMIC(float, atomicAdd, o + v)
EMU_ATOMIC(double, atomicAdd, o + v)
EMU_INTEGER_ATOMIC(atomicMax, o > v ? o : v)
EMU_INTEGER_ATOMIC(atomicMin, o < v ? o : v)
EMU_INTEGER_ATOMIC(atomicExch, v)
EMU_ATOMIC(float, atomicExch, v)
EMU_INTEGER_ATOMIC(atomicAnd, o & v)
EMU_INTEGER_ATOMIC(atomicOr, o | v)
EMU_INTEGER_ATOMIC(atomicXor, o ^ v)

#define EMU_COMPARE_AND_SWAP(T)                    \
  EMU_RAW T atomicCAS(T *p, T compare, T value) {  \
    emu_touch(p, sizeof(T));                       \
    T o = *p;                                      \
    if (o == compare) *p = value;                  \
    return o;                                      \
  }
EMU_COMPARE_AND_SWAP(int)
EMU_COMPARE_AND_SWAP(unsigned)
EMU_COMPARE_AND_SWAP(emu_u64)

// ---- what the driver needs to launch: sizes of the arguments and a trampoline, from the kernel's type ----

struct EmuKernel {
  void (*call)(void **);
  int argumentCount, maxThreads;
  const size_t *argumentBytes, *argumentAlignments;
};
template <int... I> struct EmuIndices {};
template <int N, int... I> struct EmuMakeIndices : EmuMakeIndices<N - 1, N - 1, I...> {};
template <int... I> struct EmuMakeIndices<0, I...> { typedef EmuIndices<I...> type; };
template <auto K> struct EmuSignature;
template <class... A, void (*K)(A...)> struct EmuSignature<K> {
  static constexpr int count = sizeof...(A);
  static constexpr size_t bytes[count + 1] = {sizeof(A)..., 0}, alignments[count + 1] = {alignof(A)..., 0};
  template <int... I> static EMU_RAW void unpack(void **p, EmuIndices<I...>) { K(*(A *)p[I]...); }
  static EMU_RAW void call(void **p) { unpack(p, typename EmuMakeIndices<count>::type()); }
};
#define EMU_EXPORT(name, maxThreads, ...)                                                          \
  extern "C" __attribute__((visibility("default"))) const EmuKernel emu_kernel_##name = {          \
      EmuSignature<__VA_ARGS__>::call, EmuSignature<__VA_ARGS__>::count, maxThreads,               \
      EmuSignature<__VA_ARGS__>::bytes, EmuSignature<__VA_ARGS__>::alignments};

extern "C" __attribute__((visibility("hidden"))) const char emu_shared_first[], emu_shared_last[];  // shared_section.ld
