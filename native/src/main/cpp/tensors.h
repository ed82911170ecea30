// What the emulated cuBLAS and cuDNN share: element types, conversion of numbers, the trace of arguments.
#pragma once

#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

namespace emulator {

using Floats = std::vector<float>;

enum Type { F32, F64, F16, BF16, OTHER };

inline size_t bytesOf(Type type) {
  return type == F64 ? 8 : type == F32 ? 4 : 2;
}

inline float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounded to nearest, ties to even; NaN stays NaN.
inline uint16_t toBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return value != value ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

// Rounded to the 10 bits of mantissa that a tensor core reads of an fp32 operand, to nearest, ties to even.
inline float toTf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return value != value ? value : fromBits((bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu);
}

inline void toTf32(Floats &values) {
  for (float &value : values) {
    value = toTf32(value);
  }
}

inline float load(Type type, const void *p, size_t i) {
  switch (type) {
    case F32: return ((const float *)p)[i];
    case F64: return (float)((const double *)p)[i];
    case BF16: return fromBits((uint32_t)((const uint16_t *)p)[i] << 16);
    default: return (float)((const _Float16 *)p)[i];
  }
}

inline void store(Type type, void *p, size_t i, float value) {
  switch (type) {
    case F32: ((float *)p)[i] = value; break;
    case F64: ((double *)p)[i] = value; break;
    case BF16: ((uint16_t *)p)[i] = toBf16(value); break;
    default: ((_Float16 *)p)[i] = (_Float16)value;
  }
}

template <class T>
void traceOne(FILE *file, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    fprintf(file, " %g", (double)value);
  } else if constexpr (std::is_pointer_v<T>) {
    fprintf(file, " %ld", (long)value);
  } else {
    fprintf(file, " %lld", (long long)value);
  }
}

// EMU_TRACE=file: appends the arguments that each function received. EMU_DRY=1: true, for nothing else shall happen.
template <class... A>
bool trace(const char *function, A... arguments) {
  static FILE *file = getenv("EMU_TRACE") ? fopen(getenv("EMU_TRACE"), "a") : nullptr;
  static bool dry = getenv("EMU_DRY") != nullptr;
  if (file) {
    fputs(function, file);
    (traceOne(file, arguments), ...);
    fputc('\n', file);
    fflush(file);
  }
  return dry;
}

}  // namespace emulator
