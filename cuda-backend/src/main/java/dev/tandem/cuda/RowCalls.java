package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Op;
import java.util.List;

/** Rows of a table. */
final class RowCalls {
  private static final int THREADS = Kernels.THREADS;

  private RowCalls() {
  }

  private static Kernels.Kernel kernel(CudaContext context, String name, String unit) {
    return context.kernels().get(List.of(name, unit), name,
        () -> "typedef " + unit + " Unit;\n" + context.kernels().source("indices.cuh")
            + context.kernels().source("rows.cu"));
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

  /** Does nothing but look for indices out of range. */
  static Runnable check(Op op, Operand indices, int rows, CudaContext context) {
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
}
