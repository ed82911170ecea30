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
import org.jspecify.annotations.Nullable;

/**
 * Normalisations by kernels of our own, over any axes: a block finds the statistics of its elements in two passes and writes them
 * in a third. cuDNN's batch normalisation knows one choice of axes only.
 */
final class NormalizeCalls {
  private static final int KERNEL_AXES = 4;
  private static final int OPERANDS = 6;
  private static final int WARP = 32;
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
    List<@Nullable Layout> layouts = new ArrayList<>();
    long[] arguments = new long[OPERANDS + 3 + 2 * KERNEL_AXES * (1 + OPERANDS)];
    for (int k = 0; k < OPERANDS; k++) {
      Operand o = operands.get(k);
      arguments[k] = o == null ? 0 : context.address(o);
      layouts.add(o == null ? null : o.layout().expand(shape));
    }
    long results = 1;
    long elements = 1;
    for (int half = 0; half < 2; half++) {
      List<Axis> axes = merged(shape, layouts, half == 0 ? kept : kept.negate());
      if (axes.size() > KERNEL_AXES) {
        throw new ShapeException(op + " of " + shape + " has too many separate axes for cuda; reshape x so that axes"
            + " that are normalised together lie side by side");
      }
      for (int i = 0; i < KERNEL_AXES; i++) {
        int missing = KERNEL_AXES - axes.size();
        Axis axis = i < missing ? new Axis(1, new long[OPERANDS]) : axes.get(i - missing);
        int at = OPERANDS + 3 + half * KERNEL_AXES + i;
        arguments[at] = axis.size;
        for (int k = 0; k < OPERANDS; k++) {
          arguments[at + 2 * KERNEL_AXES * (k + 1)] = axis.strides[k];
        }
        if (half == 0) {
          results *= axis.size;
        } else {
          elements *= axis.size;
        }
      }
    }
    arguments[OPERANDS] = results;
    arguments[OPERANDS + 1] = elements;
    arguments[OPERANDS + 2] = Float.floatToRawIntBits((float) op.eps()) & 0xFFFFFFFFL;
    if (results == 0) {
      return () -> {
      };
    }
    Kernels.Kernel kernel = context.kernel(name, context.kernels().source("normalize.cu"));
    long blocks = Math.min(results, (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    int threads = Math.clamp(Long.highestOneBit(Math.max(1, elements - 1)) << 1, WARP, Kernels.THREADS);
    return () -> context.launch(kernel, blocks, threads, 0, arguments);
  }

  /** Strides in elements, by operand. */
  private record Axis(long size, long[] strides) {
    private boolean continues(Axis inner) {
      for (int k = 0; k < strides.length; k++) {
        if (strides[k] != inner.strides[k] * inner.size) {
          return false;
        }
      }
      return true;
    }
  }

  /** The axes chosen, neighbours that all operands walk alike made one. */
  private static List<Axis> merged(Shape shape, List<@Nullable Layout> layouts, IntPredicate chosen) {
    List<Axis> axes = new ArrayList<>();
    for (int i = 0; i < shape.rank(); i++) {
      if (shape.dim(i) != 1 && chosen.test(i)) {
        int dimension = i;
        Axis axis = new Axis(shape.dim(i),
            layouts.stream().mapToLong(l -> l == null ? 0 : l.stride(dimension)).toArray());
        if (!axes.isEmpty() && axes.getLast().continues(axis)) {
          axes.add(new Axis(axes.removeLast().size * axis.size, axis.strides));
        } else {
          axes.add(axis);
        }
      }
    }
    return axes;
  }
}
