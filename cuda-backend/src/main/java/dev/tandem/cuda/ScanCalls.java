package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Running sums: a thread for each line where there are many that lie side by side, else blocks for each. */
final class ScanCalls {
  private static final int THREADS = Kernels.THREADS;
  /** Lines that keep a device busy with a thread each. */
  private static final long MANY_LINES = 1 << 14;
  /** Elements that are not worth a block. */
  private static final long SHORT = 64;
  private static final long LEAST_PART = 8192;
  private static final long ENOUGH_BLOCKS = 1024;
  private static final long MOST_PARTS = 64;

  private ScanCalls() {
  }

  static Prepared prepare(CumulativeSum op, Call call, CudaContext context) {
    Operand in = call.in().getFirst();
    Operand out = call.out().getFirst();
    Shape shape = in.shape();
    if (shape.size() == 0) {
      return Prepared.nothing();
    }
    List<Layout> layouts = List.of(in.layout(), out.layout());
    Walk lines = Walk.of(shape, IntStream.range(0, shape.rank()).filter(a -> a != op.axis()).boxed().toList(), layouts,
        false);
    long count = shape.dim(op.axis());
    long step = in.layout().stride(op.axis());
    boolean sideBySide = lines.size() >= MANY_LINES && lines.inner(0) < step;
    boolean threads = count <= SHORT || sideBySide;
    long parts = threads ? 1 : Math.clamp(Math.min(count / LEAST_PART, ENOUGH_BLOCKS / lines.size()), 1, MOST_PARTS);
    List<Long> arguments = new ArrayList<>(List.of(lines.size(), context.address(in), context.address(out), 0L, count,
        step, out.layout().stride(op.axis()), op.reverse() ? 1L : 0L, parts, (count + parts - 1) / parts));
    arguments.addAll(lines.arguments());
    long[] values = arguments.stream().mapToLong(Long::longValue).toArray();
    if (threads) {
      Kernels.Kernel kernel = kernel("scan_threads", lines, context);
      return Prepared.of(() -> context.launch(kernel, (lines.size() + THREADS - 1) / THREADS, THREADS, 0, values));
    }
    Kernels.Kernel sums = kernel("scan_parts", lines, context);
    Kernels.Kernel scan = kernel("scan_blocks", lines, context);
    return new Prepared(parts == 1 ? 0 : lines.size() * parts * Float.BYTES, partial -> {
      values[3] = partial;
      if (parts > 1) {
        context.launch(sums, lines.size() * parts, THREADS, 0, values);
      }
      context.launch(scan, lines.size() * parts, THREADS, 0, values);
    });
  }

  private static Kernels.Kernel kernel(String name, Walk lines, CudaContext context) {
    return context.kernels().get(List.of(name, lines.rank()), name,
        () -> context.kernels().source("blockscan.cuh") + "#define LINE_PARAMETERS " + lines.parameters("")
            + "\n#define LINE_OFFSETS" + lines.offsets("", "long long", "index", 1, " ").replace('\n', ' ') + "\n"
            + context.kernels().source("scan.cu"));
  }
}
