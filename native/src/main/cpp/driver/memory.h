// Device memory is host memory in one reserved range. No address is ever given out twice, so that a pointer to freed
// memory never reads what another allocation holds; new and freed memory reads as NaN.
#pragma once

#include "driver/state.h"

#include <map>

namespace emulator {

struct Allocation {
  size_t bytes;
  int id;
  bool live;
};

// The range that device memory comes from; reserved at the first allocation.
extern char *arena;
extern size_t arenaBytes;

extern std::map<DevicePointer, Allocation> allocations;

int allocate(DevicePointer *address, size_t bytes);
int release(DevicePointer address);
void releaseAll();
size_t usedBytes();

// Makes memory that the driver did not allocate, a module's variables, known as device memory.
void declare(DevicePointer address, size_t bytes);
void forget(DevicePointer begin, DevicePointer end);

// Where an address lies, in words: "byte 12 of allocation 3 (8 bytes), 8 past its end".
std::string describe(DevicePointer address, size_t bytes);

// The last allocations that were hit: kernels touch few, and every load and store asks.
struct Recent {
  DevicePointer begin, end;
};
constexpr unsigned recentCount = 8;
extern Recent recent[recentCount];

bool lookUp(DevicePointer address, size_t bytes);

// Whether all bytes lie in one live allocation.
inline bool isValid(DevicePointer address, size_t bytes) {
  for (const Recent &r : recent) {
    if (address >= r.begin && address + bytes <= r.end) {
      return true;
    }
  }
  return lookUp(address, bytes);
}

// Page-locked host memory, which asynchronous copies use without staging.
bool isPinned(const void *address);
void pin(const void *address, size_t bytes);
bool unpin(const void *address);

}  // namespace emulator
