#include "cudnn/operation.h"

#include <cmath>

namespace emulator {

void require(const void *address, size_t bytes, const char *what) {
  if (int status = emu_range(address, bytes, what)) {
    throw Fault{status};
  }
}

Floats read(const TensorDescriptor &d, const void *address, const char *what) {
  require(address, d.extentBytes(), what);
  Floats values(d.count());
  if (d.isPacked()) {
    for (size_t i = 0; i < values.size(); i++) {
      values[i] = load(d.type, address, i);
    }
  } else {
    d.forEach([&](size_t i, size_t offset) { values[i] = load(d.type, address, offset); });
  }
  return values;
}

void write(const TensorDescriptor &d, void *address, const Floats &values, const char *what, float alpha, float beta) {
  require(address, d.extentBytes(), what);
  d.forEach([&](size_t i, size_t offset) {
    float old = beta == 0 ? 0 : beta * load(d.type, address, offset);
    store(d.type, address, offset, alpha * values[i] + old);
  });
}

Floats readPacked(Type type, const void *address, size_t count, const char *what) {
  Floats values(count);
  if (address) {
    require(address, count * bytesOf(type), what);
    for (size_t i = 0; i < count; i++) {
      values[i] = load(type, address, i);
    }
  }
  return values;
}

void writePacked(Type type, void *address, const Floats &values, const char *what) {
  if (!address) {
    return;
  }
  require(address, values.size() * bytesOf(type), what);
  for (size_t i = 0; i < values.size(); i++) {
    store(type, address, i, values[i]);
  }
}

void spoil(void *workspace, size_t bytes, const char *what) {
  if (bytes) {
    require(workspace, bytes, what);
    memset(workspace, 0xff, bytes);
  }
}

float scalar(const TensorDescriptor &d, const void *address) {
  return load(d.type == F64 ? F64 : F32, address, 0);
}

bool isKept(uint64_t seed, uint64_t element, float p) {
  uint64_t z = seed * 0x9E3779B97F4A7C15ull + element * 0xBF58476D1CE4E5B9ull;
  z ^= z >> 31;
  z *= 0x94D049BB133111EBull;
  z ^= z >> 29;
  z *= 0xBF58476D1CE4E5B9ull;
  z ^= z >> 32;
  return (z >> 40) * 0x1p-24f >= p;
}

float activate(const ActivationDescriptor &a, float x) {
  switch (a.mode) {
    case SIGMOID: return 1 / (1 + std::exp(-x));
    case RELU: return x > 0 || x != x ? x : 0;
    case TANH: return std::tanh(x);
    case CLIPPED_RELU: return std::min<float>(std::max(x, 0.f), a.coefficient);
    case ELU: return x > 0 ? x : a.coefficient * std::expm1(x);
    case SWISH: return x / (1 + std::exp(-(float)a.swishBeta * x));
    default: return x;
  }
}

float slope(const ActivationDescriptor &a, float x, float y) {
  switch (a.mode) {
    case SIGMOID: return y * (1 - y);
    case RELU: return y > 0;
    case TANH: return 1 - y * y;
    case CLIPPED_RELU: return x > 0 && x < a.coefficient;
    case ELU: return x > 0 ? 1 : y + a.coefficient;
    case SWISH: {
      float s = 1 / (1 + std::exp(-(float)a.swishBeta * x));
      return s + a.swishBeta * x * s * (1 - s);
    }
    default: return 1;
  }
}

int reject(const char *function, const char *condition) {
  if (getenv("EMU_LOG")) {
    fprintf(stderr, "emulator: %s: not true: %s\n", function, condition);
  }
  return BAD_PARAM;
}

}  // namespace emulator
