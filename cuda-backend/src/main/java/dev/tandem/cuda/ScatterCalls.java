package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.shape.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * ScatterAdd: positions are sorted by index on the device, so that each row of the result is summed in index order by one thread for
 * each of its columns. The host waits for nothing.
 */
final class ScatterCalls {
  private static final int THREADS = Kernels.THREADS;
  /** Positions of a block and values of a digit, as in scatter.cu. */
  private static final int CHUNK = 2048;
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;
  /** Bytes of one access. */
  private static final int ACCESS = 16;

  private ScatterCalls() {
  }

  static Prepared prepare(ScatterAdd op, Call call, CudaContext context) {
    Operand values = call.in().get(0);
    Operand indices = call.in().get(1);
    Operand out = call.out().getFirst();
    if (out.shape().size() == 0) {
      return Prepared.of(RowCalls.check(op, indices, op.rows(), context));
    }
    int count = indices.shape().dim(0);
    int width = width(values, out, context);
    Staging staging = new Staging(context);
    @Nullable Sort sort = count == 0 ? null : new Sort(count, op.rows(), staging, context);
    IndexErrors errors = context.indexErrors();
    int number = errors.number(op);
    Kernels.Kernel keys = kernel("scatter_keys", values.dtype(), width, context);
    Kernels.Kernel add = kernel("scatter_add", values.dtype(), width, context);
    long columns = out.shape().dim(1);
    long accesses = columns / width;
    int lanes = (int) Math.min(THREADS, Long.highestOneBit(2 * accesses - 1));
    long tiles = (accesses + lanes - 1) / lanes;
    int together = THREADS / lanes;
    long blocks = (op.rows() + together - 1L) / together * tiles;
    return staging.around(base -> {
      if (sort != null) {
        errors.expect();
        context.launch(keys, (count + THREADS - 1L) / THREADS, THREADS, 0, context.address(indices), count,
            indices.layout().stride(0), base + sort.keys(0), errors.address(), number, op.rows());
        sort.run(base);
      }
      context.launch(add, blocks, THREADS, 0, context.address(values), sort == null ? 0 : base + sort.sortedKeys(),
          sort == null ? 0 : base + sort.sortedPositions(), context.address(out), count, op.rows(), lanes, columns,
          tiles, values.layout().stride(0), values.layout().stride(1), out.layout().stride(0),
          out.layout().stride(1));
    });
  }

  private static Kernels.Kernel kernel(String name, DType type, int width, CudaContext context) {
    return context.kernels().get(List.of(name, type, width), name,
        () -> context.kernels().source("elements.cuh") + "typedef " + ProgramSource.element(type)
            + " Element;\n#define WIDTH " + width + "\n" + context.kernels().source("indices.cuh")
            + context.kernels().source("blockscan.cuh") + context.kernels().source("scatter.cu"));
  }

  /** Columns that are read and written in one access: as many as fill it where rows are dense and all are aligned, else 1. */
  private static int width(Operand values, Operand out, CudaContext context) {
    int width = ACCESS / values.dtype().bytes();
    boolean dense = values.layout().stride(1) == 1 && out.layout().stride(1) == 1;
    long together = values.layout().stride(0) | out.layout().stride(0) | out.shape().dim(1);
    boolean aligned = (context.address(values) | context.address(out)) % ACCESS == 0 && together % width == 0;
    return dense && aligned ? width : 1;
  }

  /** Sorts keys, which the first of two buffers holds, and the positions they came from. */
  private static final class Sort {
    private final CudaContext context;
    private final int count;
    private final int passes;
    private final long blocks;
    private final long[] keys = new long[2];
    private final long[] positions = new long[2];
    private final long counts;
    private final long totals;
    private final Kernels.Kernel counter;
    private final Kernels.Kernel scan;
    private final Kernels.Kernel place;

    /** @param largest key there may be */
    Sort(int count, int largest, Staging staging, CudaContext context) {
      this.context = context;
      this.count = count;
      passes = Math.max(1, (Integer.SIZE - Integer.numberOfLeadingZeros(largest) + DIGIT_BITS - 1) / DIGIT_BITS);
      blocks = (count + CHUNK - 1L) / CHUNK;
      for (int k = 0; k < 2; k++) {
        keys[k] = staging.reserve((long) count * Integer.BYTES);
        positions[k] = staging.reserve((long) count * Integer.BYTES);
      }
      counts = staging.reserve(blocks * DIGITS * Integer.BYTES);
      totals = staging.reserve(DIGITS * Integer.BYTES);
      counter = kernel("scatter_count", DType.F32, 1, context);
      scan = kernel("scatter_scan", DType.F32, 1, context);
      place = kernel("scatter_place", DType.F32, 1, context);
    }

    /** From the base, as the others. */
    long keys(int buffer) {
      return keys[buffer];
    }

    long sortedKeys() {
      return keys[passes % 2];
    }

    long sortedPositions() {
      return positions[passes % 2];
    }

    void run(long base) {
      for (int pass = 0; pass < passes; pass++) {
        int from = pass % 2;
        int to = 1 - from;
        int shift = pass * DIGIT_BITS;
        if (blocks > 1) {
          context.launch(counter, blocks, THREADS, 0, base + keys[from], count, shift, base + counts);
          context.launch(scan, DIGITS, THREADS, 0, base + counts, blocks, base + totals);
        }
        context.launch(place, blocks, THREADS, 0, base + keys[from], pass == 0 ? 0 : base + positions[from], count,
            shift, base + counts, base + totals, base + keys[to], base + positions[to]);
      }
    }
  }
}
