// Modules and launches. An image is an x86-64 shared library that the emulated NVRTC made.
#include "driver/executor.h"
#include "driver/memory.h"
#include "driver/stream.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace emulator;

namespace {

const char descriptorFolder[] = "/proc/self/fd/";
const char ptxHeader[] = "//EMU ";  // before a library as hexadecimal text with the letters a to p

enum FunctionAttribute { MAX_THREADS_PER_BLOCK = 0, MAX_DYNAMIC_SHARED_SIZE_BYTES = 8 };

int findSegments(dl_phdr_info *info, size_t, void *data) {
  auto *module = (Module *)data;
  if (module->path != info->dlpi_name) {
    return 0;
  }
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto &header = info->dlpi_phdr[i];
    if (header.p_type == PT_LOAD) {
      char *begin = (char *)info->dlpi_addr + header.p_vaddr;
      if (!module->begin) {
        module->begin = begin;
      }
      module->end = begin + header.p_memsz;
    }
  }
  return 1;
}

std::string decode(const char *text) {
  std::string image;
  for (; text[0] > ' '; text += 2) {
    image += (char)((text[0] - 'a') * 16 + text[1] - 'a');
  }
  return image;
}

bool fits(const Function *function, Dim3 grid, Dim3 block, unsigned dynamic) {
  bool positive = grid.x && grid.y && grid.z && block.x && block.y && block.z;
  return positive && grid.y <= 65535 && grid.z <= 65535 && block.x <= 1024 && block.y <= 1024 && block.z <= 64 &&
         block.x * block.y * block.z <= 1024 && (int)dynamic <= function->maxDynamicBytes;
}

// The other way to pass arguments: one block of memory, laid out as a struct. Fills pointers; false if it is too short.
bool fromBuffer(const EmuKernel *kernel, void **extra, std::vector<void *> &pointers) {
  enum Tag : uintptr_t { END, BUFFER_POINTER, BUFFER_SIZE };
  char *buffer = nullptr;
  size_t size = 0;
  for (; (uintptr_t)extra[0] != END; extra += 2) {
    if ((uintptr_t)extra[0] == BUFFER_POINTER) {
      buffer = (char *)extra[1];
    } else if ((uintptr_t)extra[0] == BUFFER_SIZE) {
      size = *(size_t *)extra[1];
    }
  }
  size_t offset = 0;
  for (int i = 0; i < kernel->argumentCount; i++) {
    size_t alignment = kernel->argumentAlignments[i];
    offset = (offset + alignment - 1) / alignment * alignment;
    pointers.push_back(buffer + offset);
    offset += kernel->argumentBytes[i];
  }
  return buffer && offset <= size;
}

}  // namespace

EMU_API int cuModuleLoadData(void **out, const void *image) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  auto *bytes = (const char *)image;
  std::string decoded;
  if (!memcmp(bytes, ptxHeader, sizeof ptxHeader - 1)) {
    decoded = decode(bytes + sizeof ptxHeader - 1);
    bytes = decoded.data();
  }
  if (memcmp(bytes, ELFMAG, SELFMAG)) {
    return INVALID_PTX;
  }
  auto *header = (const ElfW(Ehdr) *)bytes;
  if (header->e_machine != EM_X86_64) {
    return NO_BINARY_FOR_GPU;  // a cubin for a real device
  }
  // The call has no length; the table of section headers ends what ld writes.
  size_t length = header->e_shoff + (size_t)header->e_shentsize * header->e_shnum;
  int descriptor = memfd_create("emulated-module", 0);
  if (descriptor < 0 || write(descriptor, bytes, length) != (ssize_t)length) {
    return OPERATING_SYSTEM;
  }
  // The descriptor stays open while the library is loaded: its path is the library's name.
  auto *module = new Module{nullptr, nullptr, nullptr, descriptorFolder + std::to_string(descriptor)};
  module->handle = dlopen(module->path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module->handle) {
    fprintf(stderr, "emulator: %s\n", dlerror());
    close(descriptor);
    delete module;
    return INVALID_IMAGE;
  }
  dl_iterate_phdr(findSegments, module);
  *out = module;
  return SUCCESS;
}

EMU_API int cuModuleLoadDataEx(void **module, const void *image, unsigned count, void *options, void **values) {
  return cuModuleLoadData(module, image);
}

EMU_API int cuModuleUnload(void *handle) {
  EMU_ENTER();
  if (int status = refuseInCapture()) {
    return status;
  }
  drainAll();
  auto *module = (Module *)handle;
  forget((DevicePointer)module->begin, (DevicePointer)module->end);
  dlclose(module->handle);
  close(atoi(module->path.c_str() + sizeof descriptorFolder - 1));
  delete module;
  return SUCCESS;
}

EMU_API int cuModuleGetFunction(void **function, void *handle, const char *name) {
  EMU_ENTER();
  auto *module = (Module *)handle;
  auto *kernel = (const EmuKernel *)dlsym(module->handle, (std::string("emu_kernel_") + name).c_str());
  if (!kernel) {
    return NOT_FOUND;
  }
  *function = new Function{kernel, name, module};
  return SUCCESS;
}

EMU_API int cuModuleGetGlobal_v2(DevicePointer *address, size_t *bytes, void *module, const char *name) {
  EMU_ENTER();
  void *variable = dlsym(((Module *)module)->handle, name);
  if (!variable) {
    return NOT_FOUND;
  }
  Dl_info info;
  const ElfW(Sym) *symbol = nullptr;
  dladdr1(variable, &info, (void **)&symbol, RTLD_DL_SYMENT);
  size_t size = symbol ? symbol->st_size : 0;
  declare((DevicePointer)variable, size);
  if (address) {
    *address = (DevicePointer)variable;
  }
  if (bytes) {
    *bytes = size;
  }
  return SUCCESS;
}

EMU_API int cuFuncSetAttribute(void *function, int attribute, int value) {
  EMU_ENTER();
  if (attribute == MAX_DYNAMIC_SHARED_SIZE_BYTES) {
    if (value > (int)maxSharedBytes) {
      return INVALID_VALUE;
    }
    ((Function *)function)->maxDynamicBytes = value;
  }
  return SUCCESS;
}

EMU_API int cuFuncGetAttribute(int *value, int attribute, void *handle) {
  EMU_ENTER();
  auto *function = (Function *)handle;
  int maxThreads = function->kernel->maxThreads;
  *value = attribute == MAX_THREADS_PER_BLOCK           ? (maxThreads ? maxThreads : 1024)
           : attribute == MAX_DYNAMIC_SHARED_SIZE_BYTES ? function->maxDynamicBytes
                                                        : 0;
  return SUCCESS;
}

EMU_API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t dynamic) {
  EMU_ENTER();
  *blocks = 2;
  return SUCCESS;
}

EMU_API int cuLaunchKernel(void *handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                           unsigned blockY, unsigned blockZ, unsigned dynamic, void *stream, void **arguments,
                           void **extra) {
  EMU_ENTER();
  auto *function = (Function *)handle;
  const EmuKernel *kernel = function->kernel;
  Dim3 grid{gridX, gridY, gridZ}, block{blockX, blockY, blockZ};
  std::vector<void *> unpacked;
  if (extra && !arguments) {
    if (!fromBuffer(kernel, extra, unpacked)) {
      return INVALID_VALUE;
    }
    arguments = unpacked.data();
  }
  if (!fits(function, grid, block, dynamic) || (kernel->argumentCount && !arguments)) {
    return INVALID_VALUE;
  }
  if (kernel->maxThreads && (int)(blockX * blockY * blockZ) > kernel->maxThreads) {
    return LAUNCH_OUT_OF_RESOURCES;
  }
  Stream *target = streamOf(stream);
  if (!target->capture && !settings.lazy && !isLegacy(target)) {
    // The common case, without a copy of the arguments.
    if (settings.log) {
      fprintf(stderr, "emulator: launch %s\n", function->name.c_str());
    }
    countWork(function->name);
    runGrid(function, grid, block, dynamic, arguments);
    return SUCCESS;
  }
  // Arguments are copied by the call, as CUDA does.
  std::vector<std::string> copies;
  for (int i = 0; i < kernel->argumentCount; i++) {
    copies.emplace_back((char *)arguments[i], kernel->argumentBytes[i]);
  }
  return emu_issue(stream, function->name.c_str(), [=] {
    std::vector<void *> pointers;
    for (auto &copy : copies) {
      pointers.push_back((void *)copy.data());
    }
    return runGrid(function, grid, block, dynamic, pointers.data());
  });
}
