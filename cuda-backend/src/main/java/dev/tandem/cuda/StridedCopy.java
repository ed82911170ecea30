package dev.tandem.cuda;

import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Copies F32 elements from one layout to another of the same shape, or sets them to zero. Axes are put in the order of the target
 * and merged where both sides allow; the kernel walks the four innermost, the host the others.
 */
final class StridedCopy {
  private static final int KERNEL_AXES = 4;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  private final CudaContext context;
  private final Kernels.Kernel kernel;
  private final List<Axis> axes;

  /** Strides in elements; that of the source may be 0 or negative. */
  record Axis(long size, long from, long to) {
    private boolean continues(Axis inner) {
      return from == inner.from * inner.size && to == inner.to * inner.size;
    }
  }

  StridedCopy(CudaContext context, List<Axis> axes) {
    this.context = context;
    kernel = context.kernel("strided_copy", context.kernels().source("strided.cu"));
    List<Axis> merged = new ArrayList<>();
    // An axis that repeats elements of the target is walked once.
    axes.stream().filter(a -> a.size != 1 && (a.to != 0 || a.size == 0)).sorted(Comparator.comparingLong(Axis::to).reversed())
        .forEach(a -> {
          if (!merged.isEmpty() && merged.getLast().continues(a)) {
            merged.add(new Axis(merged.removeLast().size * a.size, a.from, a.to));
          } else {
            merged.add(a);
          }
        });
    while (merged.size() < KERNEL_AXES) {
      merged.addFirst(new Axis(1, 0, 0));
    }
    this.axes = List.copyOf(merged);
  }

  /** Between layouts of one shape; their offsets are the caller's. */
  static StridedCopy of(CudaContext context, Layout from, Layout to) {
    List<Axis> axes = new ArrayList<>();
    for (int i = 0; i < to.shape().rank(); i++) {
      axes.add(new Axis(to.shape().dim(i), from.stride(i), to.stride(i)));
    }
    return new StridedCopy(context, axes);
  }

  /** @param from the address of the first element; 0 for zeros */
  void run(long from, long to) {
    walk(0, from, to);
  }

  private void walk(int depth, long from, long to) {
    if (axes.size() - depth > KERNEL_AXES) {
      Axis outer = axes.get(depth);
      for (long i = 0; i < outer.size; i++) {
        walk(depth + 1, from == 0 ? 0 : from + i * outer.from * Float.BYTES, to + i * outer.to * Float.BYTES);
      }
      return;
    }
    long count = 1;
    long[] arguments = new long[3 + 3 + 2 * KERNEL_AXES];
    for (int i = 0; i < KERNEL_AXES; i++) {
      Axis a = axes.get(depth + i);
      count *= a.size;
      if (i > 0) {
        arguments[2 + i] = a.size;
      }
      arguments[6 + i] = a.from;
      arguments[6 + KERNEL_AXES + i] = a.to;
    }
    if (count == 0) {
      return;
    }
    arguments[0] = to;
    arguments[1] = from;
    arguments[2] = count;
    long blocks = Math.min((count + Kernels.THREADS - 1) / Kernels.THREADS, (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    context.launch(kernel, blocks, Kernels.THREADS, 0, arguments);
  }
}
