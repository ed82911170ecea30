// Element types, number conversion, call entry and argument trace for the fake cuBLAS and cuDNN (test only).
#pragma once
#include "emulator.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>
using Vec = std::vector<float>;
enum Type { F32, F64, F16, BF16, OTHER };
inline size_t bytes(Type t) { return t == F64 ? 8 : t == F32 ? 4 : 2; }
inline float bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
inline uint16_t bf16(float f) { uint32_t u; memcpy(&u, &f, 4); return f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16; }
inline float load(Type t, const void *p, size_t i) {
  if (t == F32) return ((const float *)p)[i];
  if (t == F64) return (float)((const double *)p)[i];
  if (t == BF16) return bits((uint32_t)((const uint16_t *)p)[i] << 16);
  return (float)((const _Float16 *)p)[i];
}
inline void store(Type t, void *p, size_t i, float v) {
  if (t == F32) ((float *)p)[i] = v; else if (t == F64) ((double *)p)[i] = v; else if (t == BF16) ((uint16_t *)p)[i] = bf16(v); else ((_Float16 *)p)[i] = (_Float16)v;
}
// EMU_TRACE=<file>: the arguments each function received. EMU_DRY=1: nothing else happens.
template <class T> void traceOne(FILE *f, T v) {
  if constexpr (std::is_floating_point_v<T>) fprintf(f, " %g", (double)v); else if constexpr (std::is_pointer_v<T>) fprintf(f, " %ld", (long)v); else fprintf(f, " %lld", (long long)v);
}
template <class... A> bool trace(const char *fn, A... a) {
  static FILE *f = getenv("EMU_TRACE") ? fopen(getenv("EMU_TRACE"), "a") : nullptr; static bool dry = getenv("EMU_DRY");
  if (f) { fputs(fn, f); (traceOne(f, a), ...); fputc('\n', f); fflush(f); }
  return dry;
}
