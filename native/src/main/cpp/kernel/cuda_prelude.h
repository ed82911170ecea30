// Prelude put in front of CUDA C++ source so that g++ compiles it for the host and the fake libcuda runs it (test only).
// No standard headers: a program compiles in some tens of milliseconds.
#pragma once
// The names offered are those that NVRTC knows without any include: no uint32_t, INFINITY or bf16, so that a program which runs here compiles there.
typedef unsigned long size_t; typedef unsigned long long emu_u64;
struct dim3 { unsigned x, y, z; constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {} };
struct EmuThread { dim3 tid, bid, bdim, gdim; int linear; };
extern "C" {
extern EmuThread *emu_self;                               // the running CUDA thread
void emu_sync_block(); void emu_sync_warp(unsigned mask); // yield the fiber
void *emu_warp_slots(); extern char emu_dynamic[];        // 32 x 8 bytes, one per lane; the launch's dynamic shared memory
void emu_trap(const char *what);
void emu_touch(void *p, size_t n);                        // the check that plain loads and stores get from the compiler's hooks
int emu_block_count(int p);
#define EMU_M1(n) double n(double); float n##f(float);
EMU_M1(sqrt) EMU_M1(exp) EMU_M1(exp2) EMU_M1(log) EMU_M1(log2) EMU_M1(log1p) EMU_M1(expm1) EMU_M1(log10) EMU_M1(tanh) EMU_M1(erf) EMU_M1(erfc) EMU_M1(sin) EMU_M1(cos) EMU_M1(tan)
EMU_M1(sinh) EMU_M1(cosh) EMU_M1(asin) EMU_M1(acos) EMU_M1(atan) EMU_M1(exp10) EMU_M1(fabs) EMU_M1(floor) EMU_M1(ceil) EMU_M1(round) EMU_M1(rint) EMU_M1(trunc) EMU_M1(cbrt) EMU_M1(lgamma) EMU_M1(tgamma)
#define EMU_M2(n) double n(double, double); float n##f(float, float);
EMU_M2(fmax) EMU_M2(fmin) EMU_M2(pow) EMU_M2(fmod) EMU_M2(atan2) EMU_M2(copysign) EMU_M2(hypot)
double ldexp(double, int); float ldexpf(float, int); double fma(double, double, double); float fmaf(float, float, float);
int printf(const char *, ...); void *memcpy(void *, const void *, size_t); void *memset(void *, int, size_t);
}
#define threadIdx (emu_tid())
#define blockIdx  (emu_bid())
#define blockDim  (emu_bdim())
#define gridDim   (emu_gdim())
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
#define __shared__ static                                  // one block runs at a time; shared_section.ld gathers these in one section
#define EMU_RAW inline __attribute__((no_sanitize("thread", "undefined")))
EMU_RAW dim3 emu_tid() { return emu_self->tid; }          // no hooks, and so never inlined: the hooks need not know the emulator's own data
EMU_RAW dim3 emu_bid() { return emu_self->bid; }
EMU_RAW dim3 emu_bdim() { return emu_self->bdim; }
EMU_RAW dim3 emu_gdim() { return emu_self->gdim; }
EMU_RAW int emu_lane() { return emu_self->linear & 31; }
inline void __syncthreads() { emu_sync_block(); }
inline void __syncwarp(unsigned m = ~0u) { emu_sync_warp(m); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline int __syncthreads_count(int p) { return emu_block_count(p); }
inline int __syncthreads_or(int p) { return emu_block_count(p) > 0; }
inline int __syncthreads_and(int p) { return emu_block_count(!p) == 0; }
// ---- vector types ---------------------------------------------------------------------------------------------------
#define EMU_V(T, N, A) struct alignas(2 * sizeof(T)) N##2 { T x, y; }; struct N##3 { T x, y, z; }; struct alignas(A) N##4 { T x, y, z, w; }; \
  inline N##2 make_##N##2(T x, T y) { return {x, y}; } inline N##3 make_##N##3(T x, T y, T z) { return {x, y, z}; } inline N##4 make_##N##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMU_V(float, float, 16) EMU_V(int, int, 16) EMU_V(unsigned, uint, 16) EMU_V(double, double, 16) EMU_V(unsigned short, ushort, 8) EMU_V(unsigned char, uchar, 4) EMU_V(long long, longlong, 16) EMU_V(short, short, 8)
template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldcs(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T, class U> void __stcs(T *p, U v) { *p = v; }
template <class T, class U> void __stcg(T *p, U v) { *p = v; }
// ---- arithmetic -----------------------------------------------------------------------------------------------------
#define EMU_O1(n) inline float n(float x) { return n##f(x); }
EMU_O1(sqrt) EMU_O1(exp) EMU_O1(log) EMU_O1(tanh) EMU_O1(erf) EMU_O1(fabs) EMU_O1(floor) EMU_O1(sin) EMU_O1(cos)
inline float rsqrtf(float x) { return 1 / sqrtf(x); }   inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }   inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float __expf(float x) { return expf(x); }        inline float __logf(float x) { return logf(x); }
inline float __frcp_rn(float x) { return 1 / x; }       inline float __fdividef(float a, float b) { return a / b; } inline float fdividef(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }   inline float normcdff(float x) { return .5f * erfcf(-x * .70710678f); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); } inline float __fadd_rn(float a, float b) { return a + b; } inline float __fmul_rn(float a, float b) { return a * b; }
inline float __powf(float a, float b) { return powf(a, b); } inline float __sinf(float a) { return sinf(a); } inline float __cosf(float a) { return cosf(a); }
inline void sincosf(float x, float *s, float *c) { *s = sinf(x); *c = cosf(x); }
inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x == x ? x : 0; }
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
#define assert(x) ((x) ? (void)0 : emu_trap("assertion failed: " #x))
inline void __trap() { emu_trap("__trap"); }
inline void __nanosleep(unsigned) {}
inline long long clock64() { return 0; }
#define __builtin_assume(x) ((void)0)
inline float sinpif(float x) { return sinf(x * 3.14159265f); }   inline float cospif(float x) { return cosf(x * 3.14159265f); }
#define EMU_MM(R, A, B) inline R min(A a, B b) { return (R)b < (R)a ? (R)b : (R)a; } inline R max(A a, B b) { return (R)a < (R)b ? (R)b : (R)a; }
EMU_MM(int, int, int) EMU_MM(unsigned, unsigned, unsigned) EMU_MM(unsigned, int, unsigned) EMU_MM(unsigned, unsigned, int) EMU_MM(long, long, long) EMU_MM(unsigned long, unsigned long, unsigned long) EMU_MM(long long, long long, long long) EMU_MM(emu_u64, emu_u64, emu_u64)
inline float min(float a, float b) { return fminf(a, b); }   inline double min(double a, double b) { return fmin(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }   inline double max(double a, double b) { return fmax(a, b); }
inline int abs(int a) { return a < 0 ? -a : a; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (emu_u64)a * b >> 32; }
inline int __mulhi(int a, int b) { return (long long)a * b >> 32; }
inline emu_u64 __umul64hi(emu_u64 a, emu_u64 b) { return (unsigned __int128)a * b >> 64; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) { unsigned r = 0; for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i); return r; }
inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) { n &= 31; return n ? hi << n | lo >> (32 - n) : hi; }
inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) { n &= 31; return n ? hi << (32 - n) | lo >> n : lo; }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) { emu_u64 v = (emu_u64)b << 32 | a; unsigned r = 0; for (int i = 0; i < 4; i++) r |= (unsigned)(v >> (s >> 4 * i & 7) * 8 & 255) << 8 * i; return r; }
template <class D, class S> EMU_RAW D emu_bits(S s) { D d; __builtin_memcpy(&d, &s, sizeof d); return d; }
inline float __int_as_float(int x) { return emu_bits<float>(x); }           inline int __float_as_int(float x) { return emu_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }     inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
inline int __float2int_rn(float x) { return (int)rintf(x); }                inline float __int2float_rn(int x) { return (float)x; } inline float __uint2float_rn(unsigned x) { return (float)x; }
// ---- warp operations ------------------------------------------------------------------------------------------------
template <class T> EMU_RAW T emu_shfl(unsigned mask, T v, int src) {
  emu_u64 *s = (emu_u64 *)emu_warp_slots(); T r = v;
  __builtin_memcpy(&s[emu_lane()], &v, sizeof(T)); emu_sync_warp(mask);
  if (src >= 0 && src < 32) __builtin_memcpy(&r, &s[src], sizeof(T));
  emu_sync_warp(mask); s[emu_lane()] = ~0ul; return r;    // a lane that takes no part reads as NaN
}
template <class T> T __shfl_sync(unsigned m, T v, int l, int w = 32) { int b = emu_lane() & ~(w - 1); return emu_shfl(m, v, b + (l & (w - 1))); }
template <class T> T __shfl_down_sync(unsigned m, T v, int d, int w = 32) { int l = emu_lane(); return emu_shfl(m, v, (l & (w - 1)) + d < w ? l + d : l); }
template <class T> T __shfl_up_sync(unsigned m, T v, int d, int w = 32) { int l = emu_lane(); return emu_shfl(m, v, (l & (w - 1)) - d >= 0 ? l - d : l); }
template <class T> T __shfl_xor_sync(unsigned m, T v, int x, int w = 32) { int l = emu_lane(); return emu_shfl(m, v, l ^ x); }
EMU_RAW unsigned __ballot_sync(unsigned m, int p) {
  emu_u64 *s = (emu_u64 *)emu_warp_slots(); unsigned r = 0; s[emu_lane()] = p != 0; emu_sync_warp(m);
  for (int i = 0; i < 32; i++) if (m >> i & 1) r |= (unsigned)s[i] << i;
  emu_sync_warp(m); return r;
}
inline int __any_sync(unsigned m, int p) { return __ballot_sync(m, p) != 0; }
inline int __all_sync(unsigned m, int p) { return __ballot_sync(m, !p) == 0; }
#define EMU_R(T, name, expr) inline T name(unsigned m, T v) { for (int d = 16; d; d >>= 1) { T o = __shfl_xor_sync(m, v, d); v = expr; } return v; }
EMU_R(unsigned, __reduce_add_sync, v + o) EMU_R(int, __reduce_add_sync, v + o) EMU_R(unsigned, __reduce_max_sync, max(v, o)) EMU_R(int, __reduce_max_sync, max(v, o)) EMU_R(unsigned, __reduce_min_sync, min(v, o)) EMU_R(int, __reduce_min_sync, min(v, o))
// ---- atomics: threads of the emulator never run at once ---------------------------------------------------------------
#define EMU_A(T, name, expr) EMU_RAW T name(T *p, T v) { emu_touch(p, sizeof(T)); T o = *p; *p = expr; return o; }
#define EMU_A3(name, expr) EMU_A(int, name, expr) EMU_A(unsigned, name, expr) EMU_A(emu_u64, name, expr)
EMU_A3(atomicAdd, o + v) EMU_A(float, atomicAdd, o + v) EMU_A(double, atomicAdd, o + v) EMU_A3(atomicMax, o > v ? o : v) EMU_A3(atomicMin, o < v ? o : v) EMU_A3(atomicExch, v) EMU_A(float, atomicExch, v) EMU_A3(atomicAnd, o & v) EMU_A3(atomicOr, o | v) EMU_A3(atomicXor, o ^ v)
#define EMU_C(T) EMU_RAW T atomicCAS(T *p, T c, T v) { emu_touch(p, sizeof(T)); T o = *p; if (o == c) *p = v; return o; }
EMU_C(int) EMU_C(unsigned) EMU_C(emu_u64)
// ---- launch metadata: argument sizes and a trampoline, both derived from the kernel's type -----------------------------
struct EmuKernel { void (*call)(void **); int n, maxThreads; const size_t *sizes; };
template <int... I> struct EmuSeq {};
template <int N, int... I> struct EmuMake : EmuMake<N - 1, N - 1, I...> {};
template <int... I> struct EmuMake<0, I...> { typedef EmuSeq<I...> type; };
template <auto K> struct EmuDesc;
template <class... A, void (*K)(A...)> struct EmuDesc<K> {
  static constexpr size_t sizes[sizeof...(A) + 1] = {sizeof(A)..., 0};
  template <int... I> static EMU_RAW void go(void **p, EmuSeq<I...>) { K(*(A *)p[I]...); }
  static EMU_RAW void call(void **p) { go(p, typename EmuMake<sizeof...(A)>::type()); }
};
#define EMU_EXPORT(name, max, ...) extern "C" __attribute__((visibility("default"))) const EmuKernel emu_kernel_##name = \
  {EmuDesc<__VA_ARGS__>::call, (int)(sizeof(EmuDesc<__VA_ARGS__>::sizes) / sizeof(size_t)) - 1, max, EmuDesc<__VA_ARGS__>::sizes};
extern "C" __attribute__((visibility("hidden"))) const char emu_shared_first[], emu_shared_last[];      // set by shared_section.ld
