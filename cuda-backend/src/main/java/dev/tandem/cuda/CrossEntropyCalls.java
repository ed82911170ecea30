package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;

/** Softmax cross entropy and its gradient. */
final class CrossEntropyCalls {
  private static final int THREADS = Kernels.THREADS;

  private CrossEntropyCalls() {
  }

  private static Kernels.Kernel kernel(CudaContext context, String name) {
    return context.kernels().get(name, name,
        () -> context.kernels().source("opcodes.cuh") + context.kernels().source("crossentropy.cu"));
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
    Kernels.Kernel kernel = kernel(context, "cross_entropy");
    int threads = Math.clamp(Integer.highestOneBit(Math.max(1, 2 * classes - 1)), 32, THREADS);
    long[] arguments = {context.address(logits), context.address(labels), context.address(loss),
        context.address(logSumExp), classes, logits.layout().stride(0), logits.layout().stride(1),
        labels.layout().stride(0), loss.layout().stride(0), logSumExp.layout().stride(0)};
    return () -> context.launch(kernel, rows, threads, 0, arguments);
  }

  static Runnable prepare(SoftmaxCrossEntropyGrad op, Call call, CudaContext context) {
    Operand logits = call.in().get(0);
    Operand labels = call.in().get(1);
    Operand logSumExp = call.in().get(2);
    Operand gradLoss = call.in().get(3);
    Operand out = call.out().getFirst();
    long elements = logits.shape().size();
    if (elements == 0) {
      return () -> {
      };
    }
    Kernels.Kernel kernel = kernel(context, "cross_entropy_grad");
    long[] arguments = {elements, context.address(logits), context.address(labels), context.address(logSumExp),
        context.address(gradLoss), context.address(out), logits.shape().dim(1), logits.layout().stride(0),
        logits.layout().stride(1), labels.layout().stride(0), logSumExp.layout().stride(0),
        gradLoss.layout().stride(0), out.layout().stride(0), out.layout().stride(1)};
    return () -> context.launch(kernel, (elements + THREADS - 1) / THREADS, THREADS, 0, arguments);
  }
}
