// What the fake libcuda offers to the other fake libraries (test only).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#define EMU_API extern "C" __attribute__((visibility("default")))
EMU_API int emu_enter(const char *function);                                 // counts the call; a non-zero result must be returned (fault injection, sticky error)
EMU_API int emu_range(const void *p, size_t bytes, const char *what);        // 0, or 700 after a report: the bytes are not inside one live allocation
EMU_API const void *emu_allocation(const void *p, size_t *bytes);            // the live allocation an address lies in, or null
EMU_API bool emu_capturing(void *stream);
__attribute__((visibility("default"))) int emu_issue(void *stream, const char *name, std::function<int()> op);      // runs now, later (EMU_LAZY) or at graph launch
