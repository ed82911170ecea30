// What all parts of the emulated driver share: settings, statuses, faults and the one lock.
#pragma once

#include "emulator.h"

#include <mutex>
#include <string>

namespace emulator {

using DevicePointer = unsigned long long;

struct Dim3 {
  unsigned x, y, z;
};

// The driver's statuses that the emulator returns; names and texts are in statuses.cpp.
enum Status : int {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  NO_BINARY_FOR_GPU = 209,
  INVALID_PTX = 218,
  OPERATING_SYSTEM = 304,
  INVALID_HANDLE = 400,
  ILLEGAL_STATE = 401,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  HOST_MEMORY_NOT_REGISTERED = 713,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
  STREAM_CAPTURE_UNSUPPORTED = 900,
  STREAM_CAPTURE_INVALIDATED = 901,
  STREAM_CAPTURE_MERGE = 902,
  STREAM_CAPTURE_UNMATCHED = 903,
  STREAM_CAPTURE_UNJOINED = 904,
  STREAM_CAPTURE_ISOLATION = 905,
  STREAM_CAPTURE_IMPLICIT = 906,
  CAPTURED_EVENT = 907,
  STREAM_CAPTURE_WRONG_THREAD = 908,
};

// Read once from the environment; README.md explains each.
struct Settings {
  bool lazy;           // EMU_LAZY
  bool log;            // EMU_LOG
  bool race;           // EMU_RACE
  bool reverse;        // EMU_ORDER
  size_t memoryBytes;  // EMU_MEM
};
extern const Settings settings;

// One call at a time, and one block of one kernel.
extern std::recursive_mutex lock;

// The fault of a kernel or copy. As on a device, every later call returns it until the context is reset.
extern int stickyStatus;

// Reports a fault, unless one was reported before, and makes it sticky; returns the status.
__attribute__((format(printf, 2, 3))) int fault(int status, const char *format, ...);
const std::string &lastFault();

// Work of a name is being done.
void countWork(const std::string &name);

// Begins every function of the driver that can fail.
#define EMU_ENTER()                        \
  if (int entered = emu_enter(__func__)) { \
    return entered;                        \
  }                                        \
  std::lock_guard<std::recursive_mutex> guard(emulator::lock)

}  // namespace emulator
