// Memory, copies and fills as the driver API names them.
#include "driver/memory.h"
#include "driver/stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace emulator;

namespace {

enum Sides { TO_DEVICE = 1, FROM_DEVICE = 2, ON_DEVICE = 3 };

int copy(void *to, const void *from, size_t bytes, Sides sides) {
  if (sides & TO_DEVICE) {
    if (int status = emu_range(to, bytes, "copy destination")) {
      return status;
    }
  }
  if (sides & FROM_DEVICE) {
    if (int status = emu_range(from, bytes, "copy source")) {
      return status;
    }
  }
  memmove(to, from, bytes);
  return SUCCESS;
}

// A copy that returns when it is done; it goes through the legacy stream.
int copyNow(void *to, const void *from, size_t bytes, Sides sides) {
  if (int status = enterLegacyStream()) {
    return status;
  }
  return stickyStatus ? stickyStatus : copy(to, from, bytes, sides);
}

int copyLater(void *to, const void *from, size_t bytes, Sides sides, void *stream) {
  return emu_issue(stream, "copy", [=] { return copy(to, from, bytes, sides); });
}

template <class T>
int fillLater(DevicePointer address, T value, size_t count, void *stream) {
  return emu_issue(stream, "memset", [=] {
    if (address % sizeof(T)) {
      return (int)INVALID_VALUE;
    }
    if (int status = emu_range((void *)address, count * sizeof(T), "memset")) {
      return status;
    }
    std::fill_n((T *)address, count, value);
    return (int)SUCCESS;
  });
}

}  // namespace

EMU_API int cuMemGetInfo_v2(size_t *freeBytes, size_t *totalBytes) {
  EMU_ENTER();
  *totalBytes = settings.memoryBytes;
  *freeBytes = settings.memoryBytes - usedBytes();
  return SUCCESS;
}

EMU_API int cuMemAlloc_v2(DevicePointer *address, size_t bytes) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  return allocate(address, bytes);
}

EMU_API int cuMemFree_v2(DevicePointer address) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  if (!address) {
    return SUCCESS;
  }
  drainAll();
  return release(address);
}

EMU_API int cuMemAllocAsync(DevicePointer *address, size_t bytes, void *stream) {
  EMU_ENTER();
  return allocate(address, bytes);
}

EMU_API int cuMemFreeAsync(DevicePointer address, void *stream) {
  EMU_ENTER();
  return emu_issue(stream, "free", [=] { return release(address); });
}

EMU_API int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  *address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*address) {
    return OUT_OF_MEMORY;
  }
  pin(*address, bytes);
  return SUCCESS;
}

EMU_API int cuMemAllocHost_v2(void **address, size_t bytes) {
  return cuMemHostAlloc(address, bytes, 0);
}

EMU_API int cuMemFreeHost(void *address) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  drainAll();
  if (!unpin(address)) {
    return INVALID_VALUE;
  }
  free(address);
  return SUCCESS;
}

EMU_API int cuMemHostRegister_v2(void *address, size_t bytes, unsigned flags) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  pin(address, bytes);
  return SUCCESS;
}

EMU_API int cuMemHostUnregister(void *address) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  return unpin(address) ? SUCCESS : HOST_MEMORY_NOT_REGISTERED;
}

EMU_API int cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t bytes) {
  EMU_ENTER();
  return copyNow((void *)to, from, bytes, TO_DEVICE);
}

EMU_API int cuMemcpyDtoH_v2(void *to, DevicePointer from, size_t bytes) {
  EMU_ENTER();
  return copyNow(to, (void *)from, bytes, FROM_DEVICE);
}

EMU_API int cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, size_t bytes) {
  EMU_ENTER();
  return copyNow((void *)to, (void *)from, bytes, ON_DEVICE);
}

EMU_API int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes, void *stream) {
  EMU_ENTER();
  return copyLater((void *)to, (void *)from, bytes, ON_DEVICE, stream);
}

EMU_API int cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t bytes, void *stream) {
  EMU_ENTER();
  if (isPinned(from) || emu_capturing(stream)) {
    return copyLater((void *)to, from, bytes, TO_DEVICE, stream);
  }
  // Pageable memory is staged before the call returns.
  std::string staged((const char *)from, bytes);
  return emu_issue(stream, "copy", [=] { return copy((void *)to, staged.data(), bytes, TO_DEVICE); });
}

EMU_API int cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t bytes, void *stream) {
  EMU_ENTER();
  int status = copyLater(to, (void *)from, bytes, FROM_DEVICE, stream);
  // To pageable memory the copy is done when the call returns.
  if (!status && !isPinned(to) && !emu_capturing(stream)) {
    drain(streamOf(stream));
  }
  return status;
}

EMU_API int cuMemsetD8Async(DevicePointer address, unsigned char value, size_t count, void *stream) {
  EMU_ENTER();
  return fillLater(address, value, count, stream);
}

EMU_API int cuMemsetD16Async(DevicePointer address, unsigned short value, size_t count, void *stream) {
  EMU_ENTER();
  return fillLater(address, value, count, stream);
}

EMU_API int cuMemsetD32Async(DevicePointer address, unsigned value, size_t count, void *stream) {
  EMU_ENTER();
  return fillLater(address, value, count, stream);
}

EMU_API int cuMemsetD8_v2(DevicePointer address, unsigned char value, size_t count) {
  EMU_ENTER();
  return fillLater(address, value, count, nullptr);
}

EMU_API int cuMemsetD16_v2(DevicePointer address, unsigned short value, size_t count) {
  EMU_ENTER();
  return fillLater(address, value, count, nullptr);
}

EMU_API int cuMemsetD32_v2(DevicePointer address, unsigned value, size_t count) {
  EMU_ENTER();
  return fillLater(address, value, count, nullptr);
}
