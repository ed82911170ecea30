package dev.tandem.cuda;

import dev.tandem.core.shape.Layout;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnTensorDescriptor;

/** cuDNN on one device, and the plans made with it. */
final class Cudnn implements AutoCloseable {
  static final int FLOAT = 0;
  static final Pointer ZERO = constant(0);
  static final Pointer ONE = constant(1);
  private static final int MAX_PLANS = 1024;
  private static final int NOT_OFFERED = 3;
  private static final Cleaner CLEANER = Cleaner.create();

  private final CudaContext context;
  private final cudnnHandle handle = new cudnnHandle();
  private final Map<Object, Object> plans = new LinkedHashMap<>(16, 0.75f, true) {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Object, Object> eldest) {
      return size() > MAX_PLANS;
    }
  };

  Cudnn(CudaContext context) {
    this.context = context;
    check(JCudnn.cudnnCreate(handle), "cudnnCreate");
    check(JCudnn.cudnnSetStream(handle, context.runtimeStream()), "cudnnSetStream");
  }

  static Cudnn of(CudaContext context) {
    return context.handle(Cudnn.class, Cudnn::new);
  }

  cudnnHandle handle() {
    return handle;
  }

  private static Pointer constant(float value) {
    ByteBuffer b = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
    b.putFloat(0, value);
    return Pointer.to(b);
  }

  /** What was made for an equal key, of which the least recently used are forgotten.
   *
   * @param key of a type that one kind of plan alone uses
   */
  <P> P plan(Object key, Class<P> type, Supplier<P> make) {
    Object known = plans.get(key);
    if (known == null) {
      known = make.get();
      plans.put(key, known);
    }
    return type.cast(known);
  }

  /** Has descriptors, which are host memory, destroyed when nothing reaches their plan any more.
   *
   * @param destroy must not hold the plan
   */
  static void destroyWith(Object plan, Runnable destroy) {
    CLEANER.register(plan, destroy);
  }

  /** The descriptor of a 4-dimensional tensor.
   *
   * @param type of {@code cudnnDataType_t}
   */
  cudnnTensorDescriptor tensor(int type, Layout l) {
    cudnnTensorDescriptor d = new cudnnTensorDescriptor();
    check(JCudnn.cudnnCreateTensorDescriptor(d), "cudnnCreateTensorDescriptor");
    check(JCudnn.cudnnSetTensor4dDescriptorEx(d, type, l.shape().dim(0), l.shape().dim(1), l.shape().dim(2),
        l.shape().dim(3), Math.toIntExact(l.stride(0)), Math.toIntExact(l.stride(1)), Math.toIntExact(l.stride(2)),
        Math.toIntExact(l.stride(3))), "cudnnSetTensor4dDescriptorEx");
    return d;
  }

  /** Turns the status of a cuDNN call into an exception. */
  void check(int status, String call) {
    if (status != 0) {
      int device = JCudaDriver.cuStreamQuery(context.stream());
      boolean sticky = Driver.isSticky(device);
      context.fail(call, JCudnn.cudnnGetErrorString(status) + (sticky ? " after " + Driver.name(device) : ""),
          meaning(status), sticky);
    }
  }

  /** Whether the library says that it can do no such thing, though it could be asked. */
  static boolean isNotOffered(int status) {
    return status / 1000 == NOT_OFFERED;
  }

  /** By the thousands, as cuDNN 9 numbers them. */
  private static String meaning(int status) {
    return switch (status / 1000) {
      case 1 -> "the library could not be set up; is the driver new enough, are all of its files there?";
      case 2 -> "an argument out of range";
      case NOT_OFFERED -> "the library does not offer this";
      case 4 -> "the library failed internally; it may have found no memory";
      case 5 -> "a kernel failed";
      default -> "unknown to this version of Tandem";
    };
  }

  @Override
  public void close() {
    check(JCudnn.cudnnDestroy(handle), "cudnnDestroy");
  }
}
