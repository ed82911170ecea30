// The checks of loads and stores. g++'s -fsanitize=thread puts a call before every one of them and
// -fsanitize=alignment,bounds,null before what has no defined behaviour; this file is the runtime of both.
#include "driver/executor.h"
#include "driver/memory.h"

using namespace emulator;

namespace {

// Who touched four bytes of shared memory last, and at which epochs of his block and warp.
struct Shadow {
  unsigned writeBlockEpoch, writeWarpEpoch, readBlockEpoch, readWarpEpoch;
  short writer, reader;
};
constexpr short severalReaders = -2;
enum Shared { STATIC, DYNAMIC };
const char *const sharedNames[] = {"static", "dynamic"};
Shadow shadow[2][emu_dynamic_bytes / 4];

const char *verb(bool write) {
  return write ? "write" : "read";
}

std::string readerName(int reader) {
  return reader == severalReaders ? "several threads" : "thread " + std::to_string(reader);
}

// Whether another thread's access is not ordered before ours by a barrier, nor by a warp operation inside one warp.
bool clashes(int other, unsigned blockEpoch, unsigned warpEpoch) {
  int me = emu_self->linear;
  if (blockEpoch != running.blockEpoch || other == me) {
    return false;
  }
  bool sameWarp = other >= 0 && other / 32 == me / 32;
  return !sameWarp || warpEpoch == running.warpEpoch[me / 32];
}

void checkRace(Shared which, size_t offset, bool write) {
  Shadow &s = shadow[which][offset / 4];
  int me = emu_self->linear;
  unsigned warpEpoch = running.warpEpoch[me / 32];
  if (clashes(s.writer, s.writeBlockEpoch, s.writeWarpEpoch)) {
    fault(LAUNCH_FAILED, "%s: %ss %s shared memory that thread %d wrote without a barrier between",
          whereRunning().c_str(), verb(write), sharedNames[which], s.writer);
    stopKernel();
  }
  if (write && clashes(s.reader, s.readBlockEpoch, s.readWarpEpoch)) {
    fault(LAUNCH_FAILED, "%s: writes %s shared memory that %s read without a barrier between", whereRunning().c_str(),
          sharedNames[which], readerName(s.reader).c_str());
    stopKernel();
  }
  if (write) {
    s.writeBlockEpoch = running.blockEpoch;
    s.writeWarpEpoch = warpEpoch;
    s.writer = me;
  } else {
    bool another = s.readBlockEpoch == running.blockEpoch && s.reader != me &&
                   (s.reader == severalReaders || s.reader / 32 != me / 32);
    s.reader = another ? severalReaders : me;
    s.readBlockEpoch = running.blockEpoch;
    s.readWarpEpoch = warpEpoch;
  }
}

inline bool inside(DevicePointer address, size_t bytes, MemoryRange range) {
  return address >= (DevicePointer)range.begin && address + bytes <= (DevicePointer)range.end;
}

inline void check(void *pointer, size_t bytes, bool write) {
  auto address = (DevicePointer)pointer;
  if (address - (DevicePointer)arena < arenaBytes) {
    if (isValid(address, bytes)) {
      return;
    }
  } else if (inside(address, bytes, running.sharedStatic)) {
    size_t offset = address - (DevicePointer)running.sharedStatic.begin;
    if (settings.race && offset < emu_dynamic_bytes) {
      checkRace(STATIC, offset, write);
    }
    return;
  } else if (address - (DevicePointer)emu_dynamic < emu_dynamic_bytes) {
    size_t offset = address - (DevicePointer)emu_dynamic;
    if (offset + bytes <= running.dynamicBytes) {
      if (settings.race) {
        checkRace(DYNAMIC, offset, write);
      }
      return;
    }
    fault(ILLEGAL_ADDRESS, "%s: %s of %zu bytes at byte %zu of %zu bytes of dynamic shared memory",
          whereRunning().c_str(), verb(write), bytes, offset, running.dynamicBytes);
    stopKernel();
  } else if (address - (DevicePointer)stacks < maxStacks * stackBytes ||
             inside(address, bytes, {running.function->module->begin, running.function->module->end})) {
    return;
  }
  fault(ILLEGAL_ADDRESS, "%s: %s of %zu bytes at %s", whereRunning().c_str(), verb(write), bytes,
        describe(address, bytes).c_str());
  stopKernel();
}

// What -fsanitize=undefined hands over, as far as it is read.
struct SourceLocation {
  const char *file;
  unsigned line, column;
};

}  // namespace

// Atomics are not instrumented as plain accesses and cannot race.
EMU_API void emu_touch(void *pointer, size_t bytes) {
  auto address = (DevicePointer)pointer;
  if (address % bytes) {
    fault(MISALIGNED_ADDRESS, "%s: misaligned atomic at 0x%llx", whereRunning().c_str(), address);
    stopKernel();
  }
  if (address - (DevicePointer)arena < arenaBytes && !isValid(address, bytes)) {
    check(pointer, bytes, true);
  }
}

#define EMU_HOOKS(bytes)                                                                       \
  EMU_API void __tsan_read##bytes(void *pointer) { check(pointer, bytes, false); }            \
  EMU_API void __tsan_write##bytes(void *pointer) { check(pointer, bytes, true); }            \
  EMU_API void __tsan_unaligned_read##bytes(void *pointer) { check(pointer, bytes, false); }  \
  EMU_API void __tsan_unaligned_write##bytes(void *pointer) { check(pointer, bytes, true); }
EMU_HOOKS(1)
EMU_HOOKS(2)
EMU_HOOKS(4)
EMU_HOOKS(8)
EMU_HOOKS(16)

EMU_API void __tsan_read_range(void *pointer, size_t bytes) {
  check(pointer, bytes, false);
}

EMU_API void __tsan_write_range(void *pointer, size_t bytes) {
  check(pointer, bytes, true);
}

EMU_API void __tsan_vptr_update(void **, void *) {
}

EMU_API void __tsan_init() {
}

EMU_API void __ubsan_handle_type_mismatch_v1(SourceLocation *location, void *pointer) {
  bool null = (DevicePointer)pointer < 4096;
  fault(null ? ILLEGAL_ADDRESS : MISALIGNED_ADDRESS, "%s: %s pointer 0x%llx, source line %u", whereRunning().c_str(),
        null ? "null" : "misaligned", (DevicePointer)pointer, location->line);
  stopKernel();
}

EMU_API void __ubsan_handle_out_of_bounds(SourceLocation *location, void *index) {
  fault(ILLEGAL_ADDRESS, "%s: array index %lld out of bounds, source line %u", whereRunning().c_str(),
        (long long)index, location->line);
  stopKernel();
}
