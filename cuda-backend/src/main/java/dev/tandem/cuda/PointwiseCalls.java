package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Pointwise programs, compiled to a kernel for each program, element types, and which operands move along the innermost dimension by
 * how much: none, one element, or more. Sizes and other strides are arguments. Where every operand stands still or moves by one, a
 * thread computes four neighbours, which are read and written in one access.
 */
final class PointwiseCalls {
  private static final int WIDTH = 4;
  /** Where there are operands of two bytes, which then fill an access. */
  private static final int WIDE = 8;
  private static final int WIDEST_ACCESS = 16;

  private PointwiseCalls() {
  }

  /** All that the source of a kernel depends on. */
  private record Key(Program program, List<DType> types, List<Boolean> moves, int rank, int width, boolean aligned,
      boolean small) {
  }

  static Runnable prepare(Pointwise op, Call call, CudaContext context) {
    List<Operand> operands = new ArrayList<>(call.out());
    operands.addAll(call.in());
    Shape full = call.out().getFirst().shape();
    if (full.size() == 0) {
      return () -> {
      };
    }
    boolean random = op.program().isRandom();
    List<Layout> layouts = new ArrayList<>(Walk.expand(operands, full));
    if (random) {
      layouts.add(Layout.contiguous(full));
    }
    Walk walk = Walk.of(full, IntStream.range(0, full.rank()).boxed().toList(), layouts, random);
    int width = width(walk, operands, context);
    Key key = new Key(op.program(), operands.stream().map(Operand::dtype).toList(),
        IntStream.range(0, operands.size()).mapToObj(k -> walk.inner(k) == 1).toList(), walk.rank(), width,
        width > 1 && positionsAligned(walk, operands.size()), walk.isSmall());
    Kernels.Kernel kernel = context.kernels().get(key, "pointwise",
        () -> source(op.program(), operands, call.out().size(), walk, width, context));
    long inner = walk.dims()[walk.rank() - 1];
    long threads = walk.size() / inner * ((inner + width - 1) / width);
    List<Long> arguments = new ArrayList<>();
    arguments.add(threads);
    operands.forEach(o -> arguments.add(context.address(o)));
    arguments.addAll(walk.arguments());
    arguments.addAll(ProgramSource.arguments(op.program(), op.launch()));
    long[] values = arguments.stream().mapToLong(Long::longValue).toArray();
    long blocks = (threads + Kernels.THREADS - 1) / Kernels.THREADS;
    return () -> context.launch(kernel, blocks, Kernels.THREADS, 0, values);
  }

  /** Elements of a thread: as many neighbours as every operand lets it take in whole accesses, else 1. */
  private static int width(Walk walk, List<Operand> operands, CudaContext context) {
    boolean narrow = IntStream.range(0, operands.size())
        .anyMatch(k -> walk.inner(k) == 1 && operands.get(k).dtype().bytes() == 2);
    return narrow && fits(WIDE, walk, operands, context) ? WIDE : fits(WIDTH, walk, operands, context) ? WIDTH : 1;
  }

  /** Whether every access to {@code width} neighbours is aligned and a row has as many. */
  private static boolean fits(int width, Walk walk, List<Operand> operands, CudaContext context) {
    int last = walk.rank() - 1;
    boolean moves = false;
    for (int k = 0; k < operands.size(); k++) {
      long inner = walk.inner(k);
      int bytes = operands.get(k).dtype().bytes();
      int access = Math.min(bytes * width, WIDEST_ACCESS);
      if (inner > 1 || inner == 1 && context.address(operands.get(k)) % access != 0) {
        return false;
      }
      for (int d = 0; d < last; d++) {
        if (inner == 1 && walk.strides()[k][d] * bytes % access != 0) {
          return false;
        }
      }
      moves |= inner == 1;
    }
    return moves && walk.dims()[last] >= width;
  }

  /** Whether the row-major position of every access is a multiple of 4, so that its random numbers come of one block of words. */
  private static boolean positionsAligned(Walk walk, int position) {
    return position < walk.strides().length
        && IntStream.range(0, walk.rank() - 1).allMatch(d -> walk.strides()[position][d] % 4 == 0);
  }

  private static String source(Program program, List<Operand> operands, int outputs, Walk walk, int width,
      CudaContext context) {
    String integer = walk.isSmall() ? "unsigned" : "long long";
    StringBuilder text = new StringBuilder();
    text.append(context.kernels().source("elements.cuh")).append(context.kernels().source("opcodes.cuh"));
    text.append("extern \"C\" __global__ void __launch_bounds__(").append(Kernels.THREADS)
        .append(") pointwise(long long threads");
    for (int k = 0; k < operands.size(); k++) {
      text.append(", ").append(k < outputs ? "" : "const ").append(type(operands, k)).append(" *p").append(k);
    }
    text.append(walk.parameters("")).append(ProgramSource.parameters(program)).append(") {\n");
    text.append("  long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;\n");
    text.append("  if (thread >= threads) {\n    return;\n  }\n");
    text.append("  ").append(integer).append(" index = (").append(integer).append(")thread;\n");
    text.append(walk.offsets("", integer, "index", width, "  "));
    String position = program.isRandom() ? "(long long)at" + operands.size() : "0";
    if (width == 1) {
      element(text, program, operands, outputs, position);
    } else {
      elements(text, program, operands, outputs, position, walk, width);
    }
    return text.append("}\n").toString();
  }

  private static String type(List<Operand> operands, int k) {
    return ProgramSource.element(operands.get(k).dtype());
  }

  private static void element(StringBuilder text, Program program, List<Operand> operands, int outputs,
      String position) {
    List<String> inputs =
        IntStream.range(outputs, operands.size()).mapToObj(k -> "load(p" + k + "[at" + k + "])").toList();
    text.append(ProgramSource.body(program, inputs, position, "  "));
    for (int k = 0; k < outputs; k++) {
      text.append("  store(p").append(k).append("[at").append(k).append("], r").append(program.outputs().get(k))
          .append(");\n");
    }
  }

  /** As many neighbours as are read together, or are left at the end of the innermost dimension. */
  private static void elements(StringBuilder text, Program program, List<Operand> operands, int outputs,
      String position, Walk walk, int width) {
    int last = walk.rank() - 1;
    String whole = "count == " + width;
    text.append("  const long long left = dim").append(last).append(" - (long long)c").append(last).append(";\n");
    text.append("  const int count = left < ").append(width).append(" ? (int)left : ").append(width).append(";\n");
    List<String> inputs = new ArrayList<>();
    for (int k = outputs; k < operands.size(); k++) {
      boolean moves = walk.inner(k) == 1;
      String type = type(operands, k);
      if (moves) {
        String pack = "Pack<" + type + ", " + width + ">";
        text.append("  ").append(pack).append(" x").append(k).append(";\n  if (").append(whole).append(") {\n    x")
            .append(k).append(" = *(const ").append(pack).append(" *)(p").append(k).append(" + at").append(k)
            .append(");\n  } else {\n    for (int j = 0; j < count; j++) {\n      x").append(k).append(".at[j] = p")
            .append(k).append("[at").append(k).append(" + j];\n    }\n  }\n");
      } else {
        text.append("  const ").append(type).append(" x").append(k).append(" = p").append(k).append("[at").append(k)
            .append("];\n");
      }
      inputs.add("load(x" + k + (moves ? ".at[j])" : ")"));
    }
    for (int k = 0; k < outputs; k++) {
      text.append("  Pack<").append(type(operands, k)).append(", ").append(width).append("> y").append(k).append(";\n");
    }
    List<Boolean> moves = IntStream.range(outputs, operands.size()).mapToObj(k -> walk.inner(k) == 1).toList();
    boolean together = positionsAligned(walk, operands.size());
    if (together) {
      text.append(ProgramSource.ofAllNeighbours(program, inputs, moves, position, width, "  "));
    }
    String each = program.isRandom() ? position + " + j" : position;
    text.append("#pragma unroll\n  for (int j = 0; j < ").append(width).append("; j++) {\n    if (j < count) {\n");
    text.append(together ? ProgramSource.ofNeighbour(program, inputs, moves, each, "      ")
        : ProgramSource.body(program, inputs, each, "      "));
    for (int k = 0; k < outputs; k++) {
      text.append("      store(y").append(k).append(".at[j], r").append(program.outputs().get(k)).append(");\n");
    }
    text.append("    }\n  }\n");
    for (int k = 0; k < outputs; k++) {
      text.append("  if (").append(whole).append(") {\n    *(Pack<").append(type(operands, k)).append(", ")
          .append(width).append("> *)(p").append(k)
          .append(" + at").append(k).append(") = y").append(k).append(";\n  } else {\n")
          .append("    for (int j = 0; j < count; j++) {\n      p").append(k).append("[at").append(k)
          .append(" + j] = y").append(k).append(".at[j];\n    }\n  }\n");
    }
  }
}
