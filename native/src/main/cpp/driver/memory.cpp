#include "driver/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace emulator {

namespace {

constexpr size_t gapBytes = 4096;  // between allocations: an access shortly past one hits none
constexpr size_t alignment = 512;
constexpr size_t page = 4096;

char *arenaTop;
size_t used;
int lastId;
unsigned nextRecent;
std::map<DevicePointer, size_t> pinned;

using Iterator = std::map<DevicePointer, Allocation>::iterator;

// The last allocation that begins at or before the address.
Iterator before(DevicePointer address) {
  Iterator it = allocations.upper_bound(address);
  return it == allocations.begin() ? allocations.end() : std::prev(it);
}

void reserveArena() {
  void *reserved;
  while ((reserved = mmap(nullptr, arenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                          0)) == MAP_FAILED) {
    arenaBytes /= 2;
  }
  arena = arenaTop = (char *)reserved;
}

}  // namespace

char *arena;
size_t arenaBytes = 1ull << 40;
std::map<DevicePointer, Allocation> allocations;
Recent recent[recentCount];

int allocate(DevicePointer *address, size_t bytes) {
  if (!bytes) {
    return INVALID_VALUE;
  }
  if (bytes > settings.memoryBytes || used + bytes > settings.memoryBytes) {
    return OUT_OF_MEMORY;
  }
  if (!arena) {
    reserveArena();
  }
  if (arenaTop + bytes + gapBytes > arena + arenaBytes) {
    return OUT_OF_MEMORY;
  }
  *address = (DevicePointer)arenaTop;
  memset(arenaTop, 0xff, bytes);
  allocations[*address] = {bytes, ++lastId, true};
  used += bytes;
  arenaTop += (bytes + gapBytes + alignment - 1) / alignment * alignment;
  return SUCCESS;
}

int release(DevicePointer address) {
  auto it = allocations.find(address);
  if (it == allocations.end() || !it->second.live) {
    return INVALID_VALUE;
  }
  Allocation &freed = it->second;
  freed.live = false;
  used -= freed.bytes;
  memset(recent, 0, sizeof recent);
  memset((void *)address, 0xff, std::min(freed.bytes, page));
  DevicePointer begin = (address + page - 1) & ~(page - 1), end = (address + freed.bytes) & ~(page - 1);
  if (end > begin) {
    madvise((void *)begin, end - begin, MADV_DONTNEED);
  }
  return SUCCESS;
}

void releaseAll() {
  for (auto &[address, allocation] : allocations) {
    if (allocation.live && address - (DevicePointer)arena < arenaBytes) {
      release(address);
    }
  }
}

size_t usedBytes() {
  return used;
}

void declare(DevicePointer address, size_t bytes) {
  allocations[address] = {bytes, ++lastId, true};
}

void forget(DevicePointer begin, DevicePointer end) {
  allocations.erase(allocations.lower_bound(begin), allocations.lower_bound(end));
  memset(recent, 0, sizeof recent);
}

bool lookUp(DevicePointer address, size_t bytes) {
  Iterator it = before(address);
  if (it == allocations.end() || !it->second.live || address + bytes > it->first + it->second.bytes) {
    return false;
  }
  recent[nextRecent++ % recentCount] = {it->first, it->first + it->second.bytes};
  return true;
}

std::string describe(DevicePointer address, size_t bytes) {
  char text[200];
  Iterator it = before(address);
  if (it == allocations.end() || !arena || address >= (DevicePointer)arenaTop) {
    snprintf(text, sizeof text, "0x%llx, no device memory", address);
    return text;
  }
  const auto &[begin, allocation] = *it;
  DevicePointer end = begin + allocation.bytes;
  Iterator next = std::next(it);
  if (next != allocations.end() && address >= end && next->first - address < address - end) {
    snprintf(text, sizeof text, "%llu bytes before allocation %d (%zu bytes)", next->first - address, next->second.id,
             next->second.bytes);
  } else if (!allocation.live) {
    snprintf(text, sizeof text, "byte %llu of allocation %d (%zu bytes), which is freed", address - begin,
             allocation.id, allocation.bytes);
  } else {
    snprintf(text, sizeof text, "byte %llu of allocation %d (%zu bytes), %lld past its end", address - begin,
             allocation.id, allocation.bytes, (long long)(address + bytes - end));
  }
  return text;
}

bool isPinned(const void *address) {
  auto it = pinned.upper_bound((DevicePointer)address);
  if (it == pinned.begin()) {
    return false;
  }
  --it;
  return (DevicePointer)address < it->first + it->second;
}

void pin(const void *address, size_t bytes) {
  pinned[(DevicePointer)address] = bytes;
}

bool unpin(const void *address) {
  return pinned.erase((DevicePointer)address) != 0;
}

}  // namespace emulator

using namespace emulator;

EMU_API int emu_range(const void *address, size_t bytes, const char *what) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (bytes == 0 || isValid((DevicePointer)address, bytes)) {
    return SUCCESS;
  }
  return fault(ILLEGAL_ADDRESS, "%s: %zu bytes at %s", what, bytes, describe((DevicePointer)address, bytes).c_str());
}
