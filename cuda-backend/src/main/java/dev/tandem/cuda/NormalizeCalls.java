package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Normalisations by kernels of our own, over any axes: a block finds the statistics of its elements in two passes and writes them
 * in a third. cuDNN's batch normalisation knows one choice of axes only.
 */
final class NormalizeCalls {
  private static final int KERNEL_AXES = 4;
  private static final int OPERANDS = 6;
  private static final int WARP = 32;
  private static final int MOST_THREADS = 1024;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  private NormalizeCalls() {
  }

  static boolean supports(Normalize op) {
    return true;
  }

  static boolean supports(NormalizeGrad op) {
    return true;
  }

  static Runnable prepare(Normalize op, Call call, CudaContext context) {
    List<Operand> in = call.in();
    List<Operand> out = call.out();
    Operand x = in.get(0);
    Operand weight = op.affine() ? in.get(1) : null;
    Operand bias = op.affine() ? in.get(2) : null;
    return launch("normalize", op, x.shape(), i -> !op.axes().contains(i),
        Arrays.asList(x, weight, bias, out.get(0), out.get(1), out.get(2)), context);
  }

  static Runnable prepare(NormalizeGrad op, Call call, CudaContext context) {
    Normalize forward = op.forward();
    List<Operand> in = call.in();
    List<Operand> out = call.out();
    int statistics = forward.affine() ? 2 : 1;
    Operand x = in.get(0);
    Operand mean = in.get(statistics);
    Operand variance = in.get(statistics + 1);
    Operand gradY = in.get(statistics + 2);
    Operand weight = forward.affine() ? in.get(1) : null;
    Runnable ofX = launch("normalize_grad", forward, x.shape(), i -> !forward.axes().contains(i),
        Arrays.asList(x, weight, mean, variance, gradY, out.get(0)), context);
    if (weight == null) {
      return ofX;
    }
    Runnable ofWeight = launch("normalize_grad_weight", forward, x.shape(), i -> weight.shape().dim(i) != 1,
        Arrays.asList(x, mean, variance, gradY, out.get(1), out.get(2)), context);
    return () -> {
      ofX.run();
      ofWeight.run();
    };
  }

  /** @param kept whether results differ along an axis; they are sums over the others */
  private static Runnable launch(String name, Normalize op, Shape shape, IntPredicate kept,
      List<@Nullable Operand> operands, CudaContext context) {
    List<Layout> layouts = new ArrayList<>();
    long[] arguments = new long[OPERANDS + 3 + 2 * KERNEL_AXES * (1 + OPERANDS)];
    for (int k = 0; k < OPERANDS; k++) {
      Operand o = operands.get(k);
      arguments[k] = o == null ? 0 : context.address(o);
      layouts.add(o == null ? Layout.of(shape, new long[shape.rank()], 0) : o.layout().expand(shape));
    }
    Walk[] halves = {walk(shape, layouts, kept), walk(shape, layouts, kept.negate())};
    for (int half = 0; half < 2; half++) {
      Walk walk = halves[half];
      int missing = KERNEL_AXES - walk.rank();
      if (missing < 0) {
        throw new ShapeException(op + " of " + shape + " has too many separate axes for cuda; reshape x so that axes"
            + " that are normalised together lie side by side");
      }
      for (int i = 0; i < KERNEL_AXES; i++) {
        int at = OPERANDS + 3 + half * KERNEL_AXES + i;
        arguments[at] = i < missing ? 1 : walk.dims()[i - missing];
        for (int k = 0; k < OPERANDS; k++) {
          arguments[at + 2 * KERNEL_AXES * (k + 1)] = i < missing ? 0 : walk.strides()[k][i - missing];
        }
      }
    }
    long results = halves[0].size();
    long elements = halves[1].size();
    arguments[OPERANDS] = results;
    arguments[OPERANDS + 1] = elements;
    arguments[OPERANDS + 2] = Float.floatToRawIntBits((float) op.eps()) & 0xFFFFFFFFL;
    if (results == 0) {
      return () -> {
      };
    }
    Kernels.Kernel kernel =
        context.kernels().packed("normalize.cu", name, ProgramSource.element(operands.getFirst().dtype()));
    long blocks = Math.min(results, (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    // Few results, such as the channels of a batch normalisation, leave multiprocessors idle: their blocks are as large as can be.
    int most = results < 4L * context.multiprocessors() ? MOST_THREADS : Kernels.THREADS;
    int threads = Math.clamp(Long.highestOneBit(Math.max(1, elements - 1)) << 1, WARP, most);
    return () -> context.launch(kernel, blocks, threads, 0, arguments);
  }

  private static Walk walk(Shape shape, List<Layout> layouts, IntPredicate axes) {
    return Walk.of(shape, IntStream.range(0, shape.rank()).filter(axes).boxed().toList(), layouts, true);
  }
}
