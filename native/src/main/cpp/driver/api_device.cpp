// The one device and its primary context. It answers as compute capability 9.0, or what EMU_CAPABILITY says, with four
// multiprocessors.
#include "driver/memory.h"
#include "driver/stream.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

using namespace emulator;

namespace {

int primaryContext;
thread_local void *currentContext;

const std::map<int, int> attributes{
    {1, 1024},         // max threads of a block
    {2, 1024},         // max block x
    {3, 1024},         // max block y
    {4, 64},           // max block z
    {5, 0x7fffffff},   // max grid x
    {6, 65535},        // max grid y
    {7, 65535},        // max grid z
    {8, 48 << 10},     // shared memory of a block
    {9, 64 << 10},     // constant memory
    {10, 32},          // warp size
    {12, 65536},       // registers of a block
    {13, 1000000},     // clock rate, kHz
    {16, 4},           // multiprocessors
    {31, 1},           // concurrent kernels
    {36, 1000000},     // memory clock rate, kHz
    {37, 1024},        // memory bus width, bits
    {38, 1 << 20},     // L2 cache
    {39, 2048},        // threads of a multiprocessor
    {41, 1},           // unified addressing
    {81, 227 << 10},   // shared memory of a multiprocessor
    {82, 65536},       // registers of a multiprocessor
    {97, 227 << 10},   // shared memory of a block after opting in
    {115, 1},          // memory pools
};

constexpr int CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76;

// EMU_CAPABILITY=75 means 7.5.
int capability() {
  const char *given = getenv("EMU_CAPABILITY");
  return given ? atoi(given) : 90;
}

}  // namespace

EMU_API int cuInit(unsigned flags) {
  return emu_enter(__func__);
}

EMU_API int cuDriverGetVersion(int *version) {
  *version = 12060;
  return SUCCESS;
}

EMU_API int cuDeviceGetCount(int *count) {
  EMU_ENTER();
  *count = 1;
  return SUCCESS;
}

EMU_API int cuDeviceGet(int *device, int ordinal) {
  EMU_ENTER();
  *device = ordinal;
  return ordinal ? INVALID_DEVICE : SUCCESS;
}

EMU_API int cuDeviceGetName(char *name, int length, int device) {
  EMU_ENTER();
  snprintf(name, length, "CUDA emulator (no GPU)");
  return SUCCESS;
}

EMU_API int cuDeviceGetUuid_v2(char *uuid, int device) {
  EMU_ENTER();
  memset(uuid, 0, 16);
  return SUCCESS;
}

EMU_API int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  EMU_ENTER();
  *bytes = settings.memoryBytes;
  return SUCCESS;
}

EMU_API int cuDeviceGetAttribute(int *value, int attribute, int device) {
  EMU_ENTER();
  if (attribute == CAPABILITY_MAJOR || attribute == CAPABILITY_MINOR) {
    *value = attribute == CAPABILITY_MAJOR ? capability() / 10 : capability() % 10;
    return SUCCESS;
  }
  auto it = attributes.find(attribute);
  *value = it == attributes.end() ? 0 : it->second;
  return SUCCESS;
}

EMU_API int cuDevicePrimaryCtxRetain(void **context, int device) {
  EMU_ENTER();
  *context = &primaryContext;
  return SUCCESS;
}

EMU_API int cuDevicePrimaryCtxRelease_v2(int device) {
  return SUCCESS;
}

EMU_API int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  return SUCCESS;
}

EMU_API int cuDevicePrimaryCtxReset_v2(int device) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  stickyStatus = SUCCESS;
  releaseAll();
  resetStreams();
  return SUCCESS;
}

EMU_API int cuCtxSetCurrent(void *context) {
  currentContext = context;
  return SUCCESS;
}

EMU_API int cuCtxGetCurrent(void **context) {
  *context = currentContext;
  return SUCCESS;
}

EMU_API int cuCtxGetDevice(int *device) {
  *device = 0;
  return SUCCESS;
}

EMU_API int cuCtxSynchronize() {
  EMU_ENTER();
  if (int status = refuseDeviceWait()) {
    return status;
  }
  return drainAll();
}
