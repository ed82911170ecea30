package dev.tandem.cuda;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** What JCuda does not bind or binds slowly: calls of the driver library through java.lang.foreign, and the names of its statuses. */
final class Driver {
  private static final AddressLayout ADDRESS = ValueLayout.ADDRESS;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  /** The driver has no device for this process. */
  static final int NO_DEVICE = 100;

  private final MethodHandle launch;
  private final MethodHandle initialize;
  private final MethodHandle count;
  private final MethodHandle version;

  /** @param library where the driver's functions are */
  Driver(SymbolLookup library) {
    launch = bind(library, "cuLaunchKernel",
        FunctionDescriptor.of(INT, ADDRESS, INT, INT, INT, INT, INT, INT, INT, ADDRESS, ADDRESS, ADDRESS));
    initialize = bind(library, "cuInit", FunctionDescriptor.of(INT, INT));
    count = bind(library, "cuDeviceGetCount", FunctionDescriptor.of(INT, ADDRESS));
    version = bind(library, "cuDriverGetVersion", FunctionDescriptor.of(INT, ADDRESS));
  }

  @SuppressWarnings("restricted")
  private static MethodHandle bind(SymbolLookup library, String name, FunctionDescriptor type) {
    MemorySegment symbol = library.find(name)
        .orElseThrow(() -> new CudaException("the driver library has no function " + name));
    return Linker.nativeLinker().downcallHandle(symbol, type);
  }

  /**
   * {@code cuLaunchKernel} in one dimension.
   *
   * @param parameters addresses of the arguments
   * @return the status
   */
  int launch(MemorySegment function, int blocks, int threads, int shared, MemorySegment stream,
      MemorySegment parameters) {
    try {
      return (int) launch.invokeExact(function, blocks, 1, 1, threads, 1, 1, shared, stream, parameters,
          MemorySegment.NULL);
    } catch (Throwable t) {
      throw rethrown(t);
    }
  }

  /** {@code cuInit}: the status. */
  int initialize() {
    try {
      return (int) initialize.invokeExact(0);
    } catch (Throwable t) {
      throw rethrown(t);
    }
  }

  /** How many devices there are; negative, a status. */
  int devices() {
    return number(count);
  }

  /** The newest version of CUDA that the driver serves, thousands for the major: 12060; negative, a status. */
  int version() {
    return number(version);
  }

  private static int number(MethodHandle function) {
    MemorySegment value = java.lang.foreign.Arena.ofAuto().allocate(INT);
    try {
      int status = (int) function.invokeExact(value);
      return status == CUresult.CUDA_SUCCESS ? value.get(INT, 0) : -status;
    } catch (Throwable t) {
      throw rethrown(t);
    }
  }

  private static RuntimeException rethrown(Throwable t) {
    if (t instanceof Error e) {
      throw e;
    }
    return t instanceof RuntimeException r ? r : new IllegalStateException(t);
  }

  /** {@code CUDA_ERROR_ILLEGAL_ADDRESS}. */
  static String name(int status) {
    String[] text = new String[1];
    return JCudaDriver.cuGetErrorName(status, text) == CUresult.CUDA_SUCCESS && text[0] != null ? text[0]
        : "status " + status;
  }

  /** {@code an illegal memory access was encountered}. */
  static String meaning(int status) {
    String[] text = new String[1];
    return JCudaDriver.cuGetErrorString(status, text) == CUresult.CUDA_SUCCESS && text[0] != null ? text[0]
        : "unknown to this driver";
  }

  /** Whether a context can do nothing more after this status: a kernel faulted or the device fell off. */
  static boolean isSticky(int status) {
    return switch (status) {
      case CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, CUresult.CUDA_ERROR_LAUNCH_TIMEOUT, CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR, CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS, CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC, CUresult.CUDA_ERROR_LAUNCH_FAILED, CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE -> true;
      default -> false;
    };
  }
}
