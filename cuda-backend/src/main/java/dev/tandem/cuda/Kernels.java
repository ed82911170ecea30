package dev.tandem.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;

/**
 * Kernels of our own: compiled by NVRTC for the device at hand, kept on disk and in memory, and launched through java.lang.foreign
 * with one block of parameters that is written anew for each launch.
 */
final class Kernels implements AutoCloseable {
  /** Threads of a block where a kernel has no reason for another number. */
  static final int THREADS = 256;

  private static final int MAX_PARAMETERS = 256;
  private static final int MAX_LOADED = 2048;

  private final CudaContext context;
  private final Driver driver;
  private final CubinCache disk;
  private final String[] options;
  private final Map<String, Kernel> loaded = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Object, Kernel> byKey = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<String, String> sources = new LinkedHashMap<>();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment parameters;

  /** A compiled function, loaded on the device. Keeps its module loaded: prepared calls may hold it for long. */
  record Kernel(String name, MemorySegment function, CUmodule module) {
  }

  private record Packed(String file, String name, String element) {
  }

  /** A function whose native handle can be read. */
  private static final class Function extends CUfunction {
    long handle() {
      return getNativePointer();
    }
  }

  Kernels(CudaContext context) {
    this.context = context;
    driver = Libraries.get().driver();
    disk = CubinCache.ofThisUser();
    // No contraction to fused multiply-add: a product is rounded before it is added, as on every other backend.
    options = new String[] {"--gpu-architecture=sm_" + context.computeCapability(), "--fmad=false", "--std=c++17"};
    parameters = arena.allocate(2L * 8 * MAX_PARAMETERS, 8);
    for (int i = 0; i < MAX_PARAMETERS; i++) {
      parameters.setAtIndex(ValueLayout.JAVA_LONG, i, parameters.address() + 8L * (MAX_PARAMETERS + i));
    }
  }

  /** The text of a source file that is packed with this class. */
  String source(String file) {
    return sources.computeIfAbsent(file, f -> {
      try (InputStream in = Kernels.class.getResourceAsStream(f)) {
        if (in == null) {
          throw new CudaException("the CUDA source " + f + " is missing from the jar of the CUDA backend");
        }
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new CudaException("the CUDA source " + f + " could not be read: " + e.getMessage(), e);
      }
    });
  }

  /**
   * @param name of an {@code extern "C" __global__} function
   * @param source CUDA C++ without includes
   */
  Kernel get(String name, String source) {
    String key = name + '\n' + source;
    Kernel known = loaded.get(key);
    if (known == null) {
      known = load(name, source);
      loaded.put(key, known);
      if (loaded.size() > MAX_LOADED) {
        loaded.remove(loaded.keySet().iterator().next());
      }
    }
    return known;
  }

  /**
   * The same without making the source when the kernel is known.
   *
   * @param key equal only for equal names and sources
   */
  Kernel get(Object key, String name, Supplier<String> source) {
    Kernel known = byKey.get(key);
    if (known == null) {
      known = get(name, source.get());
      byKey.put(key, known);
      if (byKey.size() > MAX_LOADED) {
        byKey.remove(byKey.keySet().iterator().next());
      }
    }
    return known;
  }

  /** What the kernels that are loaded were compiled from. */
  List<String> loadedSources() {
    return loaded.keySet().stream().map(k -> k.substring(k.indexOf('\n') + 1)).distinct().toList();
  }

  /** A function of a source file that is packed with this class.
   *
   * @param element what the file calls {@code Element}: a type that C++ has, or one of {@code elements.cuh}
   */
  Kernel packed(String file, String name, String element) {
    return get(new Packed(file, name, element), name,
        () -> source("elements.cuh") + "typedef " + element + " Element;\n" + source(file));
  }

  private Kernel load(String name, String source) {
    String key = UserCache.digest(Description.nvrtc().getBytes(StandardCharsets.UTF_8),
        String.join(" ", options).getBytes(StandardCharsets.UTF_8), source.getBytes(StandardCharsets.UTF_8));
    byte[] cubin = disk.read(key);
    CUmodule module = new CUmodule();
    int status = cubin == null ? CUresult.CUDA_ERROR_INVALID_IMAGE : JCudaDriver.cuModuleLoadData(module, cubin);
    if (status != CUresult.CUDA_SUCCESS) {
      cubin = compile(name, source);
      disk.write(key, cubin);
      module = new CUmodule();
      context.check(JCudaDriver.cuModuleLoadData(module, cubin), "cuModuleLoadData of " + name);
    }
    Function function = new Function();
    context.check(JCudaDriver.cuModuleGetFunction(function, module, name), "cuModuleGetFunction of " + name);
    return new Kernel(name, MemorySegment.ofAddress(function.handle()), module);
  }

  private byte[] compile(String name, String source) {
    nvrtcProgram program = new nvrtcProgram();
    checkCompiler(JNvrtc.nvrtcCreateProgram(program, source, name + ".cu", 0, null, null), "nvrtcCreateProgram", "");
    try {
      int status = JNvrtc.nvrtcCompileProgram(program, options.length, options);
      String[] log = new String[1];
      JNvrtc.nvrtcGetProgramLog(program, log);
      checkCompiler(status, "nvrtcCompileProgram of " + name, log[0] + '\n' + source);
      long[] size = new long[1];
      checkCompiler(JNvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize", "");
      byte[] cubin = new byte[Math.toIntExact(size[0])];
      checkCompiler(JNvrtc.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN", "");
      return cubin;
    } finally {
      JNvrtc.nvrtcDestroyProgram(program);
    }
  }

  private void checkCompiler(int status, String call, String log) {
    if (status != 0) {
      context.fail(call, JNvrtc.nvrtcGetErrorString(status), "the compiler says: " + log, false);
    }
  }

  /** Starts a kernel on the context's stream; see {@link CudaContext#launch}. */
  void launch(Kernel kernel, long blocks, int threads, int shared, long... arguments) {
    if (blocks > Integer.MAX_VALUE || arguments.length > MAX_PARAMETERS) {
      throw new CudaException(kernel.name() + " wants " + blocks + " blocks and " + arguments.length + " parameters");
    }
    MemorySegment.copy(arguments, 0, parameters, ValueLayout.JAVA_LONG, 8L * MAX_PARAMETERS, arguments.length);
    int status = driver.launch(kernel.function(), (int) blocks, threads, shared, context.streamSegment(), parameters);
    context.check(status, "cuLaunchKernel of " + kernel.name());
  }

  @Override
  public void close() {
    loaded.clear();
    byKey.clear();
    arena.close();
  }
}
