package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;

/** Softmax cross entropy and its gradient. */
final class CrossEntropyCalls {
  private static final int THREADS = Kernels.THREADS;
  /** Classes that a thread takes at a time. */
  private static final int WIDTH = 4;
  /** Classes that a warp is enough for. */
  private static final int WARP_CLASSES = 1024;
  private static final long ENOUGH_BLOCKS = 1024;
  /** Accesses of a thread that are worth a further block. */
  private static final long LEAST_ACCESSES = 4;

  private CrossEntropyCalls() {
  }

  /**
   * All that the source depends on.
   *
   * @param lanes threads of a row
   * @param packed whether four classes are read, and written by the gradient, in one access
   */
  private record Key(String name, int lanes, boolean packed) {
  }

  private static Kernels.Kernel kernel(CudaContext context, Key key) {
    return context.kernels().get(key, key.name,
        () -> context.kernels().source("elements.cuh") + context.kernels().source("opcodes.cuh") + "#define LANES "
            + key.lanes + "\n#define PACKED " + (key.packed ? 1 : 0) + "\n"
            + context.kernels().source("crossentropy.cu"));
  }

  private static int lanes(int classes) {
    int accesses = (classes + WIDTH - 1) / WIDTH;
    return classes > WARP_CLASSES ? THREADS : Math.clamp(Integer.highestOneBit(Math.max(1, 2 * accesses - 1)), 1, 32);
  }

  private static boolean isPacked(Operand o, CudaContext context) {
    return o.layout().stride(1) == 1 && o.layout().stride(0) % WIDTH == 0
        && context.address(o) % (WIDTH * Float.BYTES) == 0;
  }

  static Runnable prepare(SoftmaxCrossEntropy op, Call call, CudaContext context) {
    Operand logits = call.in().get(0);
    Operand labels = call.in().get(1);
    Operand loss = call.out().get(0);
    Operand logSumExp = call.out().get(1);
    long rows = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    if (rows == 0) {
      return () -> {
      };
    }
    int lanes = lanes(classes);
    int together = THREADS / lanes;
    Kernels.Kernel kernel = kernel(context, new Key("cross_entropy", lanes, isPacked(logits, context)));
    long[] arguments = {rows, context.address(logits), context.address(labels), context.address(loss),
        context.address(logSumExp), classes, logits.layout().stride(0), logits.layout().stride(1),
        labels.layout().stride(0), loss.layout().stride(0), logSumExp.layout().stride(0)};
    return () -> context.launch(kernel, (rows + together - 1) / together, THREADS, 0, arguments);
  }

  static Runnable prepare(SoftmaxCrossEntropyGrad op, Call call, CudaContext context) {
    Operand logits = call.in().get(0);
    Operand labels = call.in().get(1);
    Operand logSumExp = call.in().get(2);
    Operand gradLoss = call.in().get(3);
    Operand out = call.out().getFirst();
    if (logits.shape().size() == 0) {
      return () -> {
      };
    }
    long rows = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    int lanes = lanes(classes);
    int together = THREADS / lanes;
    long blocks = (rows + together - 1) / together;
    long accesses = (classes + (long) WIDTH * lanes - 1) / (WIDTH * lanes);
    long tiles = Math.clamp(ENOUGH_BLOCKS / blocks, 1, Math.max(1, accesses / LEAST_ACCESSES));
    Kernels.Kernel kernel = kernel(context,
        new Key("cross_entropy_grad", lanes, isPacked(logits, context) && isPacked(out, context)));
    long[] arguments = {rows, context.address(logits), context.address(labels), context.address(logSumExp),
        context.address(gradLoss), context.address(out), classes, tiles, logits.layout().stride(0),
        logits.layout().stride(1), labels.layout().stride(0), logSumExp.layout().stride(0),
        gradLoss.layout().stride(0), out.layout().stride(0), out.layout().stride(1)};
    return () -> context.launch(kernel, blocks * tiles, THREADS, 0, arguments);
  }
}
