package dev.tandem.cuda;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Copies elements from one layout to another of the same shape, converting them where the types differ, or sets them to zero. The
 * kernel walks the four innermost axes, the host the others.
 */
final class StridedCopy {
  private static final int KERNEL_AXES = 4;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  private final CudaContext context;
  private final Kernels.Kernel kernel;
  private final Walk walk;
  private final DType from;
  private final DType to;

  /** @param walk of target and source, in this order; steps may be negative */
  StridedCopy(CudaContext context, Walk walk, DType from, DType to) {
    this.context = context;
    this.walk = walk;
    this.from = from;
    this.to = to;
    Kernels kernels = context.kernels();
    String source = from == to ? bits(from) : ProgramSource.element(from);
    String target = from == to ? source : ProgramSource.element(to);
    kernel = kernels.get(List.of("strided_copy", source, target), "strided_copy",
        () -> kernels.source("elements.cuh") + "typedef " + source + " Source;\ntypedef " + target + " Element;\n"
            + kernels.source("strided.cu"));
  }

  /** What has the size of an element, whatever it means. */
  private static String bits(DType type) {
    return switch (type.bytes()) {
      case 1 -> "unsigned char";
      case 2 -> "unsigned short";
      default -> "unsigned";
    };
  }

  /** Between layouts of one shape; their offsets are the caller's. */
  static StridedCopy of(CudaContext context, Layout from, Layout to, DType type) {
    return of(context, from, type, to, type);
  }

  /** The same with conversion. */
  static StridedCopy of(CudaContext context, Layout from, DType source, Layout to, DType target) {
    // Where elements of the target repeat, they are written once.
    List<Integer> axes = IntStream.range(0, to.shape().rank()).boxed()
        .filter(i -> to.stride(i) != 0 || to.shape().dim(i) == 0).toList();
    return new StridedCopy(context, Walk.of(to.shape(), axes, List.of(to, from), false), source, target);
  }

  /** Sets an operand to zero. */
  static Runnable zeros(CudaContext context, Operand o) {
    StridedCopy copy = of(context, o.layout(), o.layout(), o.dtype());
    return () -> copy.run(0, context.address(o));
  }

  /** @param from the address of the first element; 0 for zeros */
  void run(long from, long to) {
    if (walk.size() > 0) {
      run(0, from, to);
    }
  }

  private void run(int depth, long from, long to) {
    if (walk.rank() - depth > KERNEL_AXES) {
      for (long i = 0; i < walk.dims()[depth]; i++) {
        run(depth + 1, from == 0 ? 0 : from + i * walk.strides()[1][depth] * this.from.bytes(),
            to + i * walk.strides()[0][depth] * this.to.bytes());
      }
      return;
    }
    long[] arguments = new long[3 + 3 * KERNEL_AXES];
    long count = 1;
    for (int i = 0; i < KERNEL_AXES; i++) {
      int axis = walk.rank() - KERNEL_AXES + i;
      boolean present = axis >= depth;
      long size = present ? walk.dims()[axis] : 1;
      count *= size;
      arguments[3 + i] = size;
      arguments[3 + KERNEL_AXES + i] = present ? walk.strides()[1][axis] : 0;
      arguments[3 + 2 * KERNEL_AXES + i] = present ? walk.strides()[0][axis] : 0;
    }
    arguments[0] = to;
    arguments[1] = from;
    arguments[2] = count;
    long blocks = Math.min((count + Kernels.THREADS - 1) / Kernels.THREADS,
        (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    context.launch(kernel, blocks, Kernels.THREADS, 0, arguments);
  }
}
