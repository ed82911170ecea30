// How an operation runs: it reads its tensors into packed fp32, computes, and writes alpha * result + beta * old, so
// that element type and layout need no further thought.
#pragma once

#include "cudnn/descriptors.h"

namespace emulator {

struct CudnnHandle {
  void *stream = nullptr;
};

// What every operation that can have a workspace asks for, so that forgetting it shows.
constexpr size_t workspaceBytes = 4096;

// Thrown by work on the stream after its report.
struct Fault {
  int status;
};

void require(const void *address, size_t bytes, const char *what);

Floats read(const TensorDescriptor &descriptor, const void *address, const char *what);
void write(const TensorDescriptor &descriptor, void *address, const Floats &values, const char *what, float alpha = 1,
           float beta = 0);

// Packed elements; of null, zeros.
Floats readPacked(Type type, const void *address, size_t count, const char *what);
void writePacked(Type type, void *address, const Floats &values, const char *what);

// A workspace keeps nothing: it is filled with NaN.
void spoil(void *workspace, size_t bytes, const char *what);

// alpha and beta are double beside double tensors, float beside all others.
float scalar(const TensorDescriptor &descriptor, const void *address);

template <class F>
int issue(const CudnnHandle &handle, const char *function, F work) {
  int status = emu_issue(handle.stream, function, [=]() -> int {
    try {
      work();
      return 0;
    } catch (const Fault &fault) {
      return fault.status;
    }
  });
  return status ? EXECUTION_FAILED : 0;
}

// Whether the n-th element is kept with probability 1 - p; the same for equal seeds.
bool isKept(uint64_t seed, uint64_t element, float p);

// The value of an activation, and its slope from input and output.
float activate(const ActivationDescriptor &activation, float x);
float slope(const ActivationDescriptor &activation, float x, float y);

int reject(const char *function, const char *condition);

}  // namespace emulator

#define COUNT()                                            \
  if (int entered = emu_enter(__func__)) {                 \
    return entered < 1000 ? EXECUTION_FAILED : entered;    \
  }

// Begins every function with a handle: counted, traced, null refused.
#define ENTER(...)                    \
  COUNT();                            \
  if (trace(__func__, __VA_ARGS__)) { \
    return 0;                         \
  }                                   \
  if (!handle) {                      \
    return BAD_PARAM;                 \
  }                                   \
  [[maybe_unused]] auto &state = *(CudnnHandle *)handle

#define TRACE(...)                    \
  if (trace(__func__, __VA_ARGS__)) { \
    return 0;                         \
  }

#define NEED(condition)                  \
  if (!(condition)) {                    \
    return reject(__func__, #condition); \
  }
