package dev.tandem.cuda.emulator;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** What the emulator in this process has counted since it was loaded. */
public final class EmulatorCounts {
  private final MethodHandle calls;
  private final MethodHandle work;

  /** @param home the folder of the emulator */
  public EmulatorCounts(Path home) {
    SymbolLookup driver = SymbolLookup.libraryLookup(home.resolve("libcuda.so.1").toAbsolutePath(), Arena.global());
    calls = bind(driver, "emu_call_count");
    work = bind(driver, "emu_work_count");
  }

  private static MethodHandle bind(SymbolLookup library, String name) {
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name),
        FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
  }

  /** Calls of a function under the name that the library exports: {@code cuMemAlloc_v2}. */
  public long calls(String function) {
    return count(calls, function);
  }

  /** Work that was done on streams and in graphs, by name: a kernel's, {@code copy}, {@code memset}, {@code cublasGemmEx}. */
  public long work(String name) {
    return count(work, name);
  }

  /** All work. */
  public long work() {
    return work("");
  }

  private static long count(MethodHandle counter, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return (long) counter.invokeExact(text);
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }
}
