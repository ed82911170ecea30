package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rows of a table taken and added, and running sums. */
final class RowCalls {
  private static final int THREADS = Kernels.THREADS;

  private RowCalls() {
  }

  private static Kernels.Kernel kernel(CudaContext context, String name, String unit) {
    return context.kernels().get(List.of(name, unit), name,
        () -> "typedef " + unit + " Unit;\n" + context.kernels().source("rows.cu"));
  }

  static Runnable prepare(Gather op, Call call, CudaContext context) {
    Operand table = call.in().get(0);
    Operand indices = call.in().get(1);
    Operand out = call.out().getFirst();
    int size = table.dtype().bytes();
    int unit = unit(table, out, context);
    // How many elements an access moves, and the steps of rows in accesses.
    long many = unit / size;
    long columns = out.shape().dim(1) / many;
    long threads = out.shape().dim(0) * columns;
    IndexErrors errors = context.indexErrors();
    int number = errors.number(op);
    if (threads == 0) {
      return check(op, indices, table.shape().dim(0), context);
    }
    Kernels.Kernel kernel = kernel(context, "gather", switch (unit) {
      case 16 -> "uint4";
      case 8 -> "uint2";
      case 4 -> "unsigned";
      case 2 -> "unsigned short";
      default -> "unsigned char";
    });
    long[] arguments = {threads, context.address(table), context.address(indices), context.address(out),
        errors.address(), number, table.shape().dim(0), columns, table.layout().stride(0) / many,
        many > 1 ? 1 : table.layout().stride(1), indices.layout().stride(0), out.layout().stride(0) / many,
        many > 1 ? 1 : out.layout().stride(1)};
    return () -> {
      errors.expect();
      context.launch(kernel, (threads + THREADS - 1) / THREADS, THREADS, 0, arguments);
    };
  }

  /** The widest access in bytes that rows of both consist of. */
  private static int unit(Operand table, Operand out, CudaContext context) {
    int size = table.dtype().bytes();
    if (table.layout().stride(1) != 1 || out.layout().stride(1) != 1) {
      return size;
    }
    long together = context.address(table) | context.address(out) | table.layout().stride(0) * size
        | out.layout().stride(0) * size | (long) table.shape().dim(1) * size;
    return (int) Math.max(size, Math.min(16, Long.lowestOneBit(together | 16)));
  }

  static Runnable prepare(ScatterAdd op, Call call, CudaContext context) {
    Operand values = call.in().get(0);
    Operand indices = call.in().get(1);
    Operand out = call.out().getFirst();
    Runnable check = check(op, indices, op.rows(), context);
    if (out.shape().size() == 0) {
      return check;
    }
    long columns = out.shape().dim(1);
    int threads = (int) Math.min(THREADS, Math.max(32, Long.highestOneBit(2 * columns - 1)));
    long tiles = (columns + threads - 1) / threads;
    Kernels.Kernel kernel = kernel(context, "scatter_add", "unsigned");
    long[] arguments = {context.address(values), context.address(indices), context.address(out),
        values.shape().dim(0), columns, tiles, values.layout().stride(0), values.layout().stride(1),
        indices.layout().stride(0), out.layout().stride(0), out.layout().stride(1)};
    return () -> {
      check.run();
      context.launch(kernel, op.rows() * tiles, threads, 0, arguments);
    };
  }

  private static Runnable check(Op op, Operand indices, int rows, CudaContext context) {
    long count = indices.shape().dim(0);
    if (count == 0) {
      return () -> {
      };
    }
    IndexErrors errors = context.indexErrors();
    Kernels.Kernel kernel = kernel(context, "check_indices", "unsigned");
    long[] arguments =
        {context.address(indices), count, indices.layout().stride(0), errors.address(), errors.number(op), rows};
    return () -> {
      errors.expect();
      context.launch(kernel, (count + THREADS - 1) / THREADS, THREADS, 0, arguments);
    };
  }

  /** A thread for each line along the axis. */
  static Runnable prepare(CumulativeSum op, Call call, CudaContext context) {
    Operand in = call.in().getFirst();
    Operand out = call.out().getFirst();
    Shape shape = in.shape();
    if (shape.size() == 0) {
      return () -> {
      };
    }
    List<Layout> layouts = List.of(in.layout(), out.layout());
    Walk lines = Walk.of(shape, IntStream.range(0, shape.rank()).filter(a -> a != op.axis()).boxed().toList(), layouts,
        false);
    String source = "extern \"C\" __global__ void __launch_bounds__(" + THREADS
        + ") cumulative_sum(long long lines, const float *from, float *to, long long count, long long fromStep, "
        + "long long toStep, int reverse" + lines.parameters("") + ") {\n"
        + "  long long index = blockIdx.x * (long long)blockDim.x + threadIdx.x;\n"
        + "  if (index >= lines) {\n    return;\n  }\n"
        + lines.offsets("", "long long", "index", 1, "  ")
        + "  float sum = 0;\n"
        + "  for (long long n = 0; n < count; n++) {\n"
        + "    long long i = reverse ? count - 1 - n : n;\n"
        + "    sum += from[at0 + i * fromStep];\n"
        + "    to[at1 + i * toStep] = sum;\n"
        + "  }\n"
        + "}\n";
    Kernels.Kernel kernel = context.kernel("cumulative_sum", source);
    List<Long> arguments = new ArrayList<>(List.of(lines.size(), context.address(in), context.address(out),
        (long) shape.dim(op.axis()), in.layout().stride(op.axis()), out.layout().stride(op.axis()),
        op.reverse() ? 1L : 0L));
    arguments.addAll(lines.arguments());
    long[] values = arguments.stream().mapToLong(Long::longValue).toArray();
    return () -> context.launch(kernel, (lines.size() + THREADS - 1) / THREADS, THREADS, 0, values);
  }
}
