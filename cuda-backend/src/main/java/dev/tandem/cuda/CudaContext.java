package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.op.Precision;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.runtime.cudaStream_t;
import org.jspecify.annotations.Nullable;

/**
 * One device in use: its primary context, the stream all work goes to, the libraries' handles, and what happens when a call fails.
 * Not thread-safe; whoever holds the device calls {@link #enter} first.
 */
final class CudaContext implements AutoCloseable {
  /** Waits after every operation, so that a failure names the operation it belongs to. */
  static final boolean SYNCHRONOUS = Boolean.getBoolean("tandem.cuda.sync");
  private static final int LEAST_FOR_REDUCED_PRECISION = 80;

  /** A stream that the legacy stream does not wait for. */
  static final int NON_BLOCKING = 1;

  private final int ordinal;
  private final CUdevice device;
  private final CUcontext context;
  private final Stream stream;
  private final MemorySegment streamSegment;
  private final int computeCapability;
  private final int multiprocessors;
  private final Kernels kernels;
  private final Map<Class<?>, AutoCloseable> handles = new HashMap<>();
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  /** What is under way, for messages. */
  private @Nullable Supplier<String> current;
  private @Nullable String dead;

  /** A stream whose native handle can be read. */
  private static final class Stream extends CUstream {
    long handle() {
      return getNativePointer();
    }
  }

  /** Takes device {@code ordinal}; the libraries must have been loaded. */
  CudaContext(int ordinal) {
    this.ordinal = ordinal;
    device = new CUdevice();
    context = new CUcontext();
    stream = new Stream();
    check(JCudaDriver.cuInit(0), "cuInit");
    check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet");
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    enter();
    check(JCudaDriver.cuStreamCreate(stream, NON_BLOCKING), "cuStreamCreate");
    streamSegment = MemorySegment.ofAddress(stream.handle());
    computeCapability = 10 * attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        + attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    multiprocessors = attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    kernels = new Kernels(this);
  }

  int ordinal() {
    return ordinal;
  }

  CUdevice device() {
    return device;
  }

  /** Major times ten plus minor: 90. */
  int computeCapability() {
    return computeCapability;
  }

  /** How this device can compute products: TF32 and BF16 want the tensor cores that came with compute capability 8.0. */
  Set<Precision> precisions() {
    return computeCapability >= LEAST_FOR_REDUCED_PRECISION ? EnumSet.allOf(Precision.class)
        : EnumSet.of(Precision.FP32);
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /** A property of the device, by its {@link CUdevice_attribute}. */
  int attribute(int attribute) {
    int[] value = new int[1];
    check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
    return value[0];
  }

  /** Makes this device the calling thread's.
   *
   * @throws CudaException if an earlier failure has made the device unusable
   */
  void enter() {
    if (dead != null) {
      throw new CudaException(dead);
    }
    check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** The stream that all work goes to. */
  CUstream stream() {
    return stream;
  }

  /** The same stream as the runtime API and the libraries name it. */
  cudaStream_t runtimeStream() {
    return new cudaStream_t(stream);
  }

  /** The same stream for calls through java.lang.foreign. */
  MemorySegment streamSegment() {
    return streamSegment;
  }

  Kernels kernels() {
    return kernels;
  }

  /** Of the operand's first element, in bytes. */
  long address(Operand o) {
    return ((CudaStorage) o.storage()).address() + o.layout().offset() * o.dtype().bytes();
  }

  /** The operand's first element as the libraries take it. */
  Pointer pointer(Operand o) {
    return new RawPointer(address(o));
  }

  Pointer pointer(long address) {
    return new RawPointer(address);
  }

  /**
   * What a library keeps for a device, made at first use and closed with the device, last made first.
   *
   * @param type one object of each is kept
   */
  <T extends AutoCloseable> T handle(Class<T> type, Function<CudaContext, T> make) {
    AutoCloseable known = handles.get(type);
    if (known == null) {
      known = make.apply(this);
      handles.put(type, known);
      opened.push(known);
    }
    return type.cast(known);
  }

  /**
   * A kernel of our own.
   *
   * @param name of its {@code extern "C" __global__} function
   * @param source CUDA C++ without includes
   */
  Kernels.Kernel kernel(String name, String source) {
    return kernels.get(name, source);
  }

  /**
   * Starts a kernel on the stream.
   *
   * @param blocks along x
   * @param threads of a block
   * @param shared bytes of dynamic shared memory
   * @param arguments one for each parameter: addresses, 64-bit integers, 32-bit integers (as they are), floats as their bits
   */
  void launch(Kernels.Kernel kernel, long blocks, int threads, int shared, long... arguments) {
    kernels.launch(kernel, blocks, threads, shared, arguments);
  }

  /** Uninitialised device memory, aligned to 256 bytes.
   *
   * @throws OutOfDeviceMemoryException if there is none left
   */
  long allocate(long bytes) {
    Address a = new Address();
    int status = JCudaDriver.cuMemAlloc(a, Math.max(bytes, 16));
    if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
      throw new OutOfDeviceMemoryException(
          String.format("%,d bytes of device memory wanted on cuda:%d", bytes, ordinal));
    }
    check(status, "cuMemAlloc");
    return a.value();
  }

  private void free(long address) {
    check(JCudaDriver.cuMemFree(new Address(address)), "cuMemFree");
  }

  /** Frees what {@link #allocate} gave. A device that was closed or has failed holds it no more. */
  void release(long address) {
    if (isAlive()) {
      enter();
      free(address);
    }
  }

  /** Whether the device can still be used. */
  boolean isAlive() {
    return dead == null;
  }

  /** Where operations note indices out of range. */
  IndexErrors indexErrors() {
    return handle(IndexErrors.class, IndexErrors::new);
  }

  /** The device's word that is not 0 when an operation noted an index out of range; 0 when none could have since the last look. */
  long indexErrorFlag() {
    return handles.containsKey(IndexErrors.class) && indexErrors().isExpected() ? indexErrors().address() : 0;
  }

  /** Throws if an operation found an index out of range since the last time; all work must be done.
   *
   * @throws IndexOutOfBoundsException naming operation, index, its position and the rows there are
   */
  void raiseIndexErrors() {
    if (handles.containsKey(IndexErrors.class)) {
      indexErrors().raise();
    }
  }

  /** Runs the work of {@code call}; failures in it are reported as that operation's. */
  void run(Call call, Runnable work) {
    named(call, () -> {
      work.run();
      if (SYNCHRONOUS) {
        synchronize();
      }
      return null;
    });
  }

  /** What {@code work} finds out; failures in it are reported as those of {@code call}. */
  <T extends @Nullable Object> T named(Call call, Supplier<T> work) {
    return named(() -> call.op() + " of " + call.in() + " to " + call.out(), work);
  }

  /** What {@code work} finds out; failures in it are reported under {@code name}. */
  <T extends @Nullable Object> T named(Supplier<String> name, Supplier<T> work) {
    current = name;
    try {
      return work.get();
    } finally {
      current = null;
    }
  }

  /** Returns when all work given before is done. */
  void synchronize() {
    check(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  /** Turns the status of a driver call into an exception.
   *
   * @throws CudaException unless {@code status} is success
   */
  void check(int status, String call) {
    if (status != CUresult.CUDA_SUCCESS) {
      fail(call, Driver.name(status), Driver.meaning(status), Driver.isSticky(status));
    }
  }

  /** Reports a failed call of the driver or a library.
   *
   * @param sticky whether the device can do nothing more in this process
   */
  void fail(String call, String status, String meaning, boolean sticky) {
    String message = call + " failed on cuda:" + ordinal + " with " + status + ": " + meaning + where(sticky);
    if (sticky) {
      dead = "cuda:" + ordinal + " can not be used any more in this process; start it anew. " + message;
    }
    throw new CudaException(message);
  }

  private String where(boolean sticky) {
    Supplier<String> name = current;
    if (name == null) {
      return sticky ? ". It was reported late; -Dtandem.cuda.sync=true names the operation that failed" : "";
    }
    String operation = name.get();
    return sticky && !SYNCHRONOUS
        ? ". It happened in " + operation
            + " or in an earlier operation; -Dtandem.cuda.sync=true names the one that failed"
        : ", in " + operation;
  }

  @Override
  public void close() {
    if (dead == null) {
      enter();
      synchronize();
      while (!opened.isEmpty()) {
        try {
          opened.pop().close();
        } catch (Exception e) {
          throw new CudaException("closing cuda:" + ordinal + ": " + e.getMessage(), e);
        }
      }
      kernels.close();
      check(JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy");
      check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
      dead = "cuda:" + ordinal + " was closed";
    }
  }
}
