#include "driver/executor.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

EmuThread *emu_self;
alignas(256) char emu_dynamic[emu_dynamic_bytes];

// Saves the callee-saved registers on the present stack, stores its pointer and continues on the other.
extern "C" void emu_switch(void **save, void *to);
asm(R"(
.globl emu_switch
.hidden emu_switch
.type emu_switch, @function
emu_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size emu_switch, . - emu_switch
)");

namespace emulator {

Running running;
char *stacks;

namespace {

enum State { NOT_STARTED, RUNNABLE, AT_WARP, AT_BLOCK, FINISHED };

struct Fiber {
  void *stackPointer;
  char *stack;
};

struct Lane {
  EmuThread thread;  // first: emu_self points here
  Fiber *fiber;
  State state;
  unsigned mask;  // of the warp operation it waits in
};

std::vector<Fiber *> allFibers, idleFibers;
Fiber *currentFiber;
void *scheduler;  // stack pointer of runBlock
std::vector<Lane> lanes;
int laneCount;
int nextLane, endLane;  // the threads that the next idle fiber starts
void **kernelArguments;
bool killed;
uint64_t warpSlots[32][32];
int votes[2];  // by parity of the block's epoch

Lane *self() {
  return (Lane *)emu_self;
}

void toScheduler() {
  emu_switch(&currentFiber->stackPointer, scheduler);
}

void resume(Fiber *fiber) {
  currentFiber = fiber;
  emu_switch(&scheduler, fiber->stackPointer);
}

void wait(State state) {
  self()->state = state;
  self()->fiber = currentFiber;
  toScheduler();
}

// Where a fiber begins. emu_self is another lane after the call if the kernel waited.
void fiberMain() {
  for (;;) {
    while (nextLane < endLane) {
      Lane &lane = lanes[nextLane++];
      emu_self = &lane.thread;
      lane.state = RUNNABLE;
      running.function->kernel->call(kernelArguments);
      self()->state = FINISHED;
    }
    idleFibers.push_back(currentFiber);
    toScheduler();
  }
}

Fiber *takeFiber() {
  if (idleFibers.empty()) {
    if (!stacks) {
      stacks = (char *)mmap(nullptr, maxStacks * stackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    auto *fiber = new Fiber{nullptr, stacks + allFibers.size() * stackBytes};
    mprotect(fiber->stack, 4096, PROT_NONE);
    allFibers.push_back(fiber);
    idleFibers.push_back(fiber);
  }
  Fiber *fiber = idleFibers.back();
  idleFibers.pop_back();
  if (!fiber->stackPointer) {
    // Tops a power of two apart would share one set of every cache: each begins some lines below the one before.
    size_t lines = (fiber->stack - stacks) / stackBytes * 5 % 512;
    // Six registers and the return address; the function is entered with rsp % 16 == 8, as after a call.
    void **top = (void **)(fiber->stack + stackBytes - lines * 64) - 8;
    top[6] = (void *)fiberMain;
    fiber->stackPointer = top;
  }
  return fiber;
}

// Lets go the lanes of a warp that wait with the same mask and of which none is missing.
bool releaseWarp(int begin, int end) {
  bool any = false;
  for (int i = begin; i < end; i++) {
    if (lanes[i].state != AT_WARP) {
      continue;
    }
    unsigned mask = lanes[i].mask;
    auto named = [&](int j) { return (mask >> (j - begin) & 1) != 0; };
    bool complete = true;
    for (int j = begin; j < end && complete; j++) {
      complete = !named(j) || lanes[j].state == FINISHED || (lanes[j].state == AT_WARP && lanes[j].mask == mask);
    }
    if (!complete) {
      continue;
    }
    any = true;
    for (int j = begin; j < end; j++) {
      if (j == i || (named(j) && lanes[j].state == AT_WARP)) {
        lanes[j].state = RUNNABLE;
      }
    }
  }
  if (any) {
    running.warpEpoch[begin / 32]++;
  }
  return any;
}

// Runs a warp until none of its lanes can go on; false if a thread faulted.
bool runWarp(int begin, int end) {
  nextLane = begin;
  while (nextLane < end && lanes[nextLane].state != NOT_STARTED) {
    nextLane++;
  }
  endLane = end;
  while (nextLane < end) {
    resume(takeFiber());
    if (killed) {
      return false;
    }
  }
  do {
    for (int i = begin; i < end; i++) {
      if (lanes[i].state != RUNNABLE) {
        continue;
      }
      emu_self = &lanes[i].thread;
      resume(lanes[i].fiber);
      if (killed) {
        return false;
      }
    }
  } while (releaseWarp(begin, end));
  return true;
}

bool runBlock() {
  for (;;) {
    for (int begin = 0; begin < laneCount; begin += 32) {
      if (!runWarp(begin, std::min(begin + 32, laneCount))) {
        return false;
      }
    }
    bool atBlock = false;
    for (int i = 0; i < laneCount; i++) {
      if (lanes[i].state == AT_WARP) {
        emu_self = &lanes[i].thread;
        fault(LAUNCH_FAILED, "%s: waits in a warp operation with mask %08x that other lanes do not reach",
              whereRunning().c_str(), lanes[i].mask);
        return false;
      }
      atBlock |= lanes[i].state == AT_BLOCK;
    }
    if (!atBlock) {
      return true;
    }
    // Threads that have returned do not count, as on a device.
    running.blockEpoch++;
    for (int i = 0; i < laneCount; i++) {
      if (lanes[i].state == AT_BLOCK) {
        lanes[i].state = RUNNABLE;
      }
    }
  }
}

void startBlock(Dim3 blockIdx, Dim3 grid, Dim3 block) {
  for (int i = 0; i < laneCount; i++) {
    unsigned u = i;
    Dim3 threadIdx{u % block.x, u / block.x % block.y, u / (block.x * block.y)};
    lanes[i] = {{threadIdx, blockIdx, block, grid, i}, nullptr, NOT_STARTED, 0};
  }
  // Shared memory begins undefined: it reads as NaN.
  if (running.sharedStatic.end > running.sharedStatic.begin) {
    memset(running.sharedStatic.begin, 0xff, running.sharedStatic.end - running.sharedStatic.begin);
  }
  memset(emu_dynamic, 0xff, running.dynamicBytes);
  running.blockEpoch = (running.blockEpoch + 2) & ~1u;
  votes[0] = votes[1] = 0;
}

}  // namespace

std::string whereRunning() {
  char text[300];
  const EmuThread &t = *emu_self;
  snprintf(text, sizeof text, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", running.function->name.c_str(),
           t.blockIdx.x, t.blockIdx.y, t.blockIdx.z, t.threadIdx.x, t.threadIdx.y, t.threadIdx.z);
  return text;
}

void stopKernel() {
  killed = true;
  for (;;) {
    toScheduler();
  }
}

int runGrid(Function *function, Dim3 grid, Dim3 block, size_t dynamic, void **arguments) {
  auto bound = [&](const char *name) {
    auto **symbol = (char **)dlsym(function->module->handle, name);
    return symbol ? *symbol : nullptr;
  };
  running.function = function;
  running.dynamicBytes = dynamic;
  running.sharedStatic = {bound("emu_shared_begin"), bound("emu_shared_end")};
  kernelArguments = arguments;
  killed = false;
  laneCount = block.x * block.y * block.z;
  if ((int)lanes.size() < laneCount) {
    lanes.resize(laneCount);
  }
  size_t blocks = (size_t)grid.x * grid.y * grid.z;
  for (size_t i = 0; i < blocks; i++) {
    size_t b = settings.reverse ? blocks - 1 - i : i;
    startBlock({unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / grid.x / grid.y)}, grid, block);
    if (!runBlock()) {
      // The stacks of the killed threads are dropped as they are.
      idleFibers = allFibers;
      for (Fiber *fiber : allFibers) {
        fiber->stackPointer = nullptr;
      }
      return stickyStatus;
    }
  }
  return SUCCESS;
}

}  // namespace emulator

using namespace emulator;

// ---- what kernels call ----

EMU_API void emu_sync_block() {
  wait(AT_BLOCK);
}

EMU_API void emu_sync_warp(unsigned mask) {
  self()->mask = mask;
  wait(AT_WARP);
}

EMU_API int emu_block_count(int predicate) {
  unsigned parity = running.blockEpoch & 1;
  votes[parity] += predicate != 0;
  wait(AT_BLOCK);
  int count = votes[parity];
  wait(AT_BLOCK);
  votes[parity] = 0;
  return count;
}

EMU_API void *emu_warp_slots() {
  return warpSlots[emu_self->linear / 32];
}

EMU_API void emu_trap(const char *what) {
  fault(LAUNCH_FAILED, "%s: %s", whereRunning().c_str(), what);
  stopKernel();
}
