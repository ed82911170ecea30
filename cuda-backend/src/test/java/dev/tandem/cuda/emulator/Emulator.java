package dev.tandem.cuda.emulator;

import dev.tandem.core.testing.BackendAvailability;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import org.jspecify.annotations.Nullable;

/** The emulated libraries in this process, and the few calls that every test makes. */
final class Emulator {
  static final CUdevice DEVICE = new CUdevice();
  private static final List<String> LIBRARIES = List.of("libcuda.so.1", "libnvrtc.so.12", "libcublas.so.12",
      "libcudnn.so.9");
  private static boolean loaded;

  private Emulator() {
  }

  /** Loads the libraries once and gives a context without faults or memory; skips the test where they are not built. */
  static synchronized void start() {
    String home = System.getProperty("tandem.cuda.home", "");
    boolean built = !home.isEmpty() && Files.exists(Path.of(home, LIBRARIES.getFirst()));
    BackendAvailability.check("cuda", built ? "" : "the emulator is not built in '" + home + "'");
    if (!loaded) {
      for (String library : LIBRARIES) {
        System.load(Path.of(home, library).toAbsolutePath().toString());
      }
      check(JCudaDriver.cuInit(0));
      check(JCudaDriver.cuDeviceGet(DEVICE, 0));
      CUcontext context = new CUcontext();
      check(JCudaDriver.cuDevicePrimaryCtxRetain(context, DEVICE));
      check(JCudaDriver.cuCtxSetCurrent(context));
      loaded = true;
    }
    check(JCudaDriver.cuDevicePrimaryCtxReset(DEVICE));
  }

  static void check(int status) {
    if (status != 0) {
      throw new IllegalStateException("status " + status + ": " + meaning(status));
    }
  }

  /** What the driver says of a status. */
  static String meaning(int status) {
    String[] text = new String[1];
    JCudaDriver.cuGetErrorString(status, text);
    return text[0] == null ? "" : text[0];
  }

  /** The image of a source.
   *
   * @throws IllegalArgumentException with the compiler's log
   */
  static byte[] compile(String source, String... options) {
    nvrtcProgram program = new nvrtcProgram();
    check(JNvrtc.nvrtcCreateProgram(program, source, "test.cu", 0, null, null));
    int result = JNvrtc.nvrtcCompileProgram(program, options.length, options);
    String[] log = new String[1];
    JNvrtc.nvrtcGetProgramLog(program, log);
    if (result != 0) {
      throw new IllegalArgumentException(JNvrtc.nvrtcGetErrorString(result) + "\n" + log[0]);
    }
    long[] size = new long[1];
    check(JNvrtc.nvrtcGetCUBINSize(program, size));
    byte[] image = new byte[(int) size[0]];
    check(JNvrtc.nvrtcGetCUBIN(program, image));
    check(JNvrtc.nvrtcDestroyProgram(program));
    return image;
  }

  static CUmodule module(String source, String... options) {
    CUmodule module = new CUmodule();
    check(JCudaDriver.cuModuleLoadData(module, compile(source, options)));
    return module;
  }

  static CUfunction function(CUmodule module, String name) {
    CUfunction function = new CUfunction();
    check(JCudaDriver.cuModuleGetFunction(function, module, name));
    return function;
  }

  static CUdeviceptr allocate(long bytes) {
    CUdeviceptr address = new CUdeviceptr();
    check(JCudaDriver.cuMemAlloc(address, bytes));
    return address;
  }

  static CUdeviceptr upload(float... values) {
    CUdeviceptr address = allocate(4L * values.length);
    check(JCudaDriver.cuMemcpyHtoD(address, Pointer.to(values), 4L * values.length));
    return address;
  }

  static float[] download(CUdeviceptr address, int count) {
    float[] values = new float[count];
    check(JCudaDriver.cuMemcpyDtoH(Pointer.to(values), address, 4L * count));
    return values;
  }

  static CUstream stream() {
    CUstream stream = new CUstream();
    check(JCudaDriver.cuStreamCreate(stream, 1));
    return stream;
  }

  /** Starts a kernel of blocks and threads along x; returns the launch's status. */
  static int launch(CUfunction function, int blocks, int threads, int shared, @Nullable CUstream stream,
      Object... arguments) {
    NativePointerObject[] parameters = new NativePointerObject[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      parameters[i] = switch (arguments[i]) {
        case Integer v -> Pointer.to(new int[] {v});
        case Float v -> Pointer.to(new float[] {v});
        case CUdeviceptr v -> Pointer.to(v);
        default -> throw new IllegalArgumentException("argument " + arguments[i]);
      };
    }
    return JCudaDriver.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, stream, Pointer.to(parameters),
        null);
  }

  static float[] random(long seed, int count) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }
}
