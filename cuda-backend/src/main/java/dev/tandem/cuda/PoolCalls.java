package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Pooling of images by kernels of our own: cuDNN chooses among equal maxima as it likes, and adds gradients of overlapping windows
 * in any order.
 */
final class PoolCalls {
  private static final int BLOCKS_PER_MULTIPROCESSOR = 32;

  private PoolCalls() {
  }

  static Runnable prepare(Pool2d op, Call call, CudaContext context) {
    Operand x = call.in().get(0);
    Operand y = call.out().get(0);
    long[] arguments = join(new long[] {context.address(y), context.address(x), y.shape().size()},
        geometry(op.geometry(), x.shape(), y.shape(), y.layout()), strides(x), strides(y));
    return launch("pool", y, arguments, context);
  }

  static Runnable prepare(Pool2dGrad op, Call call, CudaContext context) {
    Operand x = call.in().get(0);
    Operand gradY = call.in().get(1);
    Operand gradX = call.out().get(0);
    long[] arguments = join(
        new long[] {context.address(gradX), context.address(x), context.address(gradY), gradX.shape().size()},
        geometry(op.geometry(), x.shape(), gradY.shape(), gradX.layout()), strides(x), strides(gradY), strides(gradX));
    return launch("pool_grad", gradX, arguments, context);
  }

  /** @param written an element for each thread */
  private static Runnable launch(String name, Operand written, long[] arguments, CudaContext context) {
    long elements = written.shape().size();
    if (elements == 0) {
      return () -> {
      };
    }
    Kernels.Kernel kernel = context.kernels().packed("pool.cu", name, ProgramSource.element(written.dtype()));
    long blocks =
        Math.min((elements + Kernels.THREADS - 1) / Kernels.THREADS,
            (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    return () -> context.launch(kernel, blocks, Kernels.THREADS, 0, arguments);
  }

  private static long[] geometry(PoolGeometry g, Shape x, Shape y, Layout written) {
    boolean channelsLast = written.stride(1) < written.stride(3);
    return new long[] {x.dim(1), x.dim(2), x.dim(3), y.dim(2), y.dim(3), g.kernelH(), g.kernelW(), g.strideH(),
        g.strideW(), g.paddingH(), g.paddingW(), switch (g.kind()) {
          case MAX -> 0;
          case AVERAGE -> 1;
          case AVERAGE_INSIDE -> 2;
        }, channelsLast ? 1 : 0};
  }

  private static long[] strides(Operand o) {
    return LongStream.range(0, 4).map(i -> o.layout().stride((int) i)).toArray();
  }

  private static long[] join(long[]... parts) {
    return Arrays.stream(parts).flatMapToLong(LongStream::of).toArray();
  }
}
