package dev.tandem.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;

/**
 * cuBLAS on one device. Matrices are column-major. Each product says how it is computed: the default math mode adds nothing to that.
 */
final class Cublas implements AutoCloseable {
  /** What NVIDIA advises from compute capability 9.0 on; a workspace of our own lets products be captured. */
  private static final long WORKSPACE = 32L << 20;
  /** Default math, and parts of a sum are joined in fp32 where the result is BF16. */
  private static final int WHOLE_SUMS_IN_FP32 = 16;
  private static final int DEFAULT_ALGORITHM = -1;
  private static final Pointer ZERO = constant(0);
  private static final Pointer ONE = constant(1);

  private final CudaContext context;
  private final cublasHandle handle = new cublasHandle();
  private final long workspace;

  Cublas(CudaContext context) {
    this.context = context;
    check(JCublas2.cublasCreate(handle), "cublasCreate");
    check(JCublas2.cublasSetStream(handle, context.runtimeStream()), "cublasSetStream");
    workspace = context.allocate(WORKSPACE);
    check(JCublas2.cublasSetWorkspace(handle, context.pointer(workspace), WORKSPACE), "cublasSetWorkspace");
    check(JCublas2.cublasSetMathMode(handle, WHOLE_SUMS_IN_FP32), "cublasSetMathMode");
  }

  static Cublas of(CudaContext context) {
    return context.handle(Cublas.class, Cublas::new);
  }

  /** A direct buffer: the binding copies arrays at every call. */
  private static Pointer constant(float value) {
    ByteBuffer b = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
    b.putFloat(0, value);
    return Pointer.to(b);
  }

  /** A matrix stored by columns: its first element, whether it takes part transposed, and the elements between columns and between
   * the matrices of a batch. */
  record Matrix(long address, boolean transposed, int ld, long batchStride) {
    private int operation() {
      return transposed ? 1 : 0;
    }
  }

  /** {@code c [m, n] = a [m, k] b [k, n]}, or that added to c, for each matrix of a batch. */
  void multiply(Arithmetic arithmetic, int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean accumulate,
      int batch) {
    Pointer beta = accumulate ? ONE : ZERO;
    Pointer pa = context.pointer(a.address);
    Pointer pb = context.pointer(b.address);
    Pointer pc = context.pointer(c.address);
    int type = arithmetic.cublasType();
    int compute = arithmetic.cublasCompute();
    // The binding's methods without "_new" take a type of data where these take one of computation.
    if (batch == 1) {
      check(
          JCublas2.cublasGemmEx_new(handle, a.operation(), b.operation(), m, n, k, ONE, pa, type, a.ld, pb, type, b.ld,
              beta, pc, type, c.ld, compute, DEFAULT_ALGORITHM),
          "cublasGemmEx");
    } else {
      check(JCublas2.cublasGemmStridedBatchedEx_new(handle, a.operation(), b.operation(), m, n, k, ONE, pa, type, a.ld,
          a.batchStride, pb, type, b.ld, b.batchStride, beta, pc, type, c.ld, c.batchStride, batch, compute,
          DEFAULT_ALGORITHM), "cublasGemmStridedBatchedEx");
    }
  }

  private void check(int status, String call) {
    if (status != 0) {
      int device = JCudaDriver.cuStreamQuery(context.stream());
      boolean sticky = Driver.isSticky(device);
      context.fail(call, name(status) + (sticky ? " after " + Driver.name(device) : ""), meaning(status), sticky);
    }
  }

  private static String name(int status) {
    return switch (status) {
      case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
      case 3 -> "CUBLAS_STATUS_ALLOC_FAILED";
      case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
      case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
      case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
      case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
      case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
      case 15 -> "CUBLAS_STATUS_NOT_SUPPORTED";
      default -> "cuBLAS status " + status;
    };
  }

  private static String meaning(int status) {
    return switch (status) {
      case 1 -> "the library could not be initialised; is the driver new enough for it?";
      case 3 -> "no device memory for the library's own needs; a smaller batch may help";
      case 7 -> "an argument out of range";
      case 8 -> "this device is too old for the library";
      case 11 -> "device memory could not be accessed";
      case 13 -> "a kernel failed";
      case 14 -> "the library failed internally";
      case 15 -> "the library does not offer this";
      default -> "unknown to this version of Tandem";
    };
  }

  @Override
  public void close() {
    check(JCublas2.cublasDestroy(handle), "cublasDestroy");
    context.release(workspace);
  }
}
