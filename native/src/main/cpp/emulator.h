// What the emulated libcuda.so.1 offers to the other emulated libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#define EMU_VISIBLE __attribute__((visibility("default")))
#define EMU_API extern "C" EMU_VISIBLE

// Every call of every library passes here: it is counted and logged. A status other than 0 must be returned by the
// caller: a planted failure (EMU_FAIL) or the fault that an earlier kernel left.
EMU_API int emu_enter(const char *function);

// CUDA_ERROR_ILLEGAL_ADDRESS, after a report, unless the bytes lie in one live allocation; what: named in the report.
EMU_API int emu_range(const void *address, size_t bytes, const char *what);

// Gives work to a stream: it runs now, at the next wait (EMU_LAZY) or with the graph that the stream is capturing.
EMU_VISIBLE int emu_issue(void *stream, const char *name, std::function<int()> work);

// Whether the stream is capturing.
EMU_API bool emu_capturing(void *stream);

// For tests: how often a function was called, as exported (cuMemAlloc_v2), and how often work was done, on streams and
// in graphs: that of a name (a kernel's, "copy", "memset", "cublasSgemm_v2"), or all for the empty name.
EMU_API int64_t emu_call_count(const char *function);
EMU_API int64_t emu_work_count(const char *name);
