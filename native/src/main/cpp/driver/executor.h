// Runs kernels: one block after the other, its threads one at a time on fibers. A fiber runs thread after thread until
// one waits at a barrier, which then keeps the fiber; so a kernel without barriers needs a single one.
#pragma once

#include "driver/state.h"

#include <string>

// Laid out as in kernel/cuda_prelude.h, which kernels are compiled with.
struct EmuThread {
  emulator::Dim3 threadIdx, blockIdx, blockDim, gridDim;
  int linear;
};
struct EmuKernel {
  void (*call)(void **arguments);
  int argumentCount, maxThreads;  // maxThreads: of __launch_bounds__, 0 without
  const size_t *argumentBytes, *argumentAlignments;
};
extern "C" EMU_VISIBLE EmuThread *emu_self;
constexpr size_t emu_dynamic_bytes = 256 << 10;
extern "C" EMU_VISIBLE char emu_dynamic[emu_dynamic_bytes];  // the running block's dynamic shared memory

namespace emulator {

// The memory of a loaded image.
struct Module {
  void *handle;  // of dlopen
  char *begin, *end;
  std::string path;
};

struct Function {
  const EmuKernel *kernel;
  std::string name;
  Module *module;
  int maxDynamicBytes = 48 << 10;
};

struct MemoryRange {
  char *begin, *end;
};

constexpr size_t stackBytes = 128 << 10;
constexpr size_t maxStacks = 1024;  // threads of a block
constexpr size_t maxSharedBytes = 227 << 10;

// What the checks of loads and stores need to know of the running kernel.
struct Running {
  Function *function;
  size_t dynamicBytes;
  MemoryRange sharedStatic;
  unsigned blockEpoch;        // grows at each barrier of the block
  unsigned warpEpoch[32];     // grows at each warp operation
};
extern Running running;
extern char *stacks;

// "kernel softmax, block (0,0,0), thread (3,0,0)"
std::string whereRunning();

// Ends the running kernel after a fault; does not return.
[[noreturn]] void stopKernel();

// Runs all blocks; returns the sticky status, 0 if no thread faulted.
int runGrid(Function *function, Dim3 grid, Dim3 block, size_t dynamicBytes, void **arguments);

}  // namespace emulator
