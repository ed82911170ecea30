package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reductions. A block has as many lanes as elements of one result are folded at a time, and folds several results; lanes are neighbours
 * where the reduced elements lie densely, results where they do not. Where results are few, the elements of each are also cut
 * into parts for several blocks, which a second kernel joins. How the work is cut follows from shapes and strides alone, so that sums
 * are the same numbers on every device.
 */
final class ReduceCalls {
  private static final int THREADS = Kernels.THREADS;
  /** Blocks that are wanted before elements of one result are left to one block. */
  private static final long ENOUGH_BLOCKS = 512;
  private static final long LEAST_PART = 2048;
  /** Room for a Partial of the kernels, the largest of which holds a value and its position. */
  private static final long PARTIAL_BYTES = 8;

  private ReduceCalls() {
  }

  /** How the work is cut. */
  private record Plan(boolean lanesAreNeighbours, int lanes, long parts, long part) {
    int resultsOfBlock() {
      return THREADS / lanes;
    }
  }

  static Prepared prepare(Reduce op, Call call, CudaContext context) {
    Operand out = call.out().getFirst();
    if (out.shape().size() == 0) {
      return Prepared.nothing();
    }
    Shape full = Shape.broadcast(call.in().stream().map(Operand::shape).toList());
    List<Integer> kept =
        IntStream.range(0, full.rank()).filter(a -> !op.axes().contains(a)).boxed().toList();
    // Inputs, then the position of each element, then the output, which has no steps along reduced axes.
    List<Layout> layouts = new ArrayList<>(Walk.expand(call.in(), full));
    layouts.add(Layout.contiguous(full));
    layouts.add(out.layout());
    boolean ordered = isOrdered(op);
    List<Layout> sources = ordered ? layouts.subList(0, layouts.size() - 1) : layouts.subList(0, call.in().size());
    Walk results = Walk.of(full, kept, ordered ? layouts : without(layouts, call.in().size()), ordered);
    Walk reduced = Walk.of(full, op.axes(), sources, ordered);
    long elements = op.axes().stream().mapToLong(full::dim).reduce(1, (a, b) -> a * b);
    Plan plan = plan(results, reduced, elements, call.in().size());
    Kernels.Kernel fold = kernel("fold", op, call, results, reduced, plan, context);
    long outputs = results.size();
    List<Long> arguments = new ArrayList<>(List.of(outputs, elements, plan.part, plan.parts));
    call.in().forEach(o -> arguments.add(context.address(o)));
    arguments.add(context.address(out));
    // The place of the scratch memory, given when the call runs.
    int scratchArgument = arguments.size();
    arguments.add(0L);
    arguments.addAll(results.arguments());
    arguments.addAll(reduced.arguments());
    arguments.addAll(ProgramSource.arguments(op.prologue(), op.launch()));
    long[] values = arguments.stream().mapToLong(Long::longValue).toArray();
    long blocks = (outputs + plan.resultsOfBlock() - 1) / plan.resultsOfBlock() * plan.parts;
    if (plan.parts == 1) {
      return Prepared.of(() -> context.launch(fold, blocks, THREADS, 0, values));
    }
    Kernels.Kernel join = kernel("join", op, call, results, reduced, plan, context);
    return new Prepared(outputs * plan.parts * PARTIAL_BYTES, partial -> {
      values[scratchArgument] = partial;
      context.launch(fold, blocks, THREADS, 0, values);
      context.launch(join, (outputs + THREADS - 1) / THREADS, THREADS, 0, values);
    });
  }

  /** All that a kernel depends on. */
  private record Key(String name, Reduce.Kind kind, Program prologue, List<DType> types, DType out, int kept,
      int reduced, int lanes, boolean neighbours, boolean small) {
  }

  private static Kernels.Kernel kernel(String name, Reduce op, Call call, Walk results, Walk reduced, Plan plan,
      CudaContext context) {
    Key key = new Key(name, op.kind(), op.prologue(), call.in().stream().map(Operand::dtype).toList(),
        call.out().getFirst().dtype(), results.rank(), reduced.rank(), plan.lanes, plan.lanesAreNeighbours,
        isSmall(results, reduced));
    return context.kernels().get(key, name, () -> source(op, call, results, reduced, plan, context));
  }

  private static boolean isSmall(Walk results, Walk reduced) {
    return results.isSmall() && reduced.isSmall() && results.reach() + reduced.reach() < 1L << 30;
  }

  /** Whether the source reads the position of an element. */
  private static boolean isOrdered(Reduce op) {
    return op.kind().isPosition() || op.prologue().isRandom();
  }

  private static List<Layout> without(List<Layout> layouts, int index) {
    List<Layout> rest = new ArrayList<>(layouts);
    rest.remove(index);
    return rest;
  }

  private static Plan plan(Walk results, Walk reduced, long elements, int inputs) {
    boolean neighbours = true;
    for (int k = inputs - 1; k >= 0; k--) {
      long along = reduced.inner(k);
      long across = results.inner(k);
      if (along != 0 || across != 0) {
        neighbours = across == 0 || along != 0 && along <= across;
      }
    }
    int lanes = 1;
    // Thirty-two neighbours make full use of an access; more lanes than elements have nothing to do.
    int most = neighbours ? THREADS : results.size() >= 1 << 16 ? 1 : 8;
    while (lanes < most && lanes < elements) {
      lanes *= 2;
    }
    long blocks = (results.size() + THREADS / lanes - 1) / (THREADS / lanes);
    long parts = Math.clamp(Math.min(elements / LEAST_PART, ENOUGH_BLOCKS / blocks), 1, 256);
    long part = (elements + parts - 1) / parts;
    return new Plan(neighbours, lanes, parts, part);
  }

  private static String source(Reduce op, Call call, Walk results, Walk reduced, Plan plan,
      CudaContext context) {
    Program prologue = op.prologue();
    int inputs = call.in().size();
    String integer = isSmall(results, reduced) ? "unsigned" : "long long";
    String register = ProgramSource.register(prologue.outputKind(0));
    DType type = call.out().getFirst().dtype();
    StringBuilder parameters =
        new StringBuilder("long long outputs, long long elements, long long part, long long parts");
    for (int k = 0; k < inputs; k++) {
      parameters.append(", const ").append(ProgramSource.element(call.in().get(k).dtype())).append(" *p").append(k);
    }
    parameters.append(", ").append(ProgramSource.element(type)).append(" *to, Partial *partial")
        .append(results.parameters("k")).append(reduced.parameters("r")).append(ProgramSource.parameters(prologue));
    int output = results.strides().length - 1;
    List<String> loads =
        IntStream.range(0, inputs).mapToObj(k -> "load(p" + k + "[kat" + k + " + rat" + k + "])").toList();
    String position = isOrdered(op) ? "(long long)kat" + inputs + " + (long long)rat" + inputs : "0";
    boolean isPosition = op.kind().isPosition();
    return context.kernels().source("elements.cuh") + context.kernels().source("opcodes.cuh")
        + context.kernels().source("fold.cuh")
        + "typedef " + (isPosition ? "Position<" : "Fold<") + op.kind() + ", " + register + "> Partial;\n"
        + "#define LANES " + plan.lanes + "\n"
        + "#define RESULTS " + plan.resultsOfBlock() + "\n"
        + "extern \"C\" __global__ void __launch_bounds__(" + THREADS + ") fold(" + parameters + ") {\n"
        + "  __shared__ Partial shared[LANES * RESULTS];\n"
        + "  const int lane = threadIdx.x " + (plan.lanesAreNeighbours ? "% LANES" : "/ RESULTS") + ";\n"
        + "  const int mine = threadIdx.x " + (plan.lanesAreNeighbours ? "/ LANES" : "% RESULTS") + ";\n"
        + "  const long long number = blockIdx.x / parts * RESULTS + mine;\n"
        + "  const long long from = blockIdx.x % parts * part;\n"
        + "  const long long to_ = from + part < elements ? from + part : elements;\n"
        + "  Partial all;\n"
        + "  all.start();\n"
        + "  " + integer + " outer = (" + integer + ")(number < outputs ? number : 0);\n"
        + results.offsets("k", integer, "outer", 1, "  ")
        + "  if (number < outputs) {\n"
        + "    for (long long i = from + lane; i < to_; i += LANES) {\n"
        + "      " + integer + " index = (" + integer + ")i;\n"
        + reduced.offsets("r", integer, "index", 1, "      ")
        + ProgramSource.body(prologue, loads, position, "      ")
        + "      all.add(r" + prologue.outputs().getFirst() + ", i);\n"
        + "    }\n"
        + "  }\n"
        + "  if (LANES > 1) {\n"
        + "    Partial *row = shared + mine * LANES;\n"
        + "    row[lane] = all;\n"
        + "    for (int d = LANES / 2; d > 0; d /= 2) {\n"
        + "      __syncthreads();\n"
        + "      if (lane < d) {\n"
        + "        all.join(row[lane + d]);\n"
        + "        row[lane] = all;\n"
        + "      }\n"
        + "    }\n"
        + "  }\n"
        + "  if (lane == 0 && number < outputs) {\n"
        + "    if (parts > 1) {\n"
        + "      partial[number * parts + blockIdx.x % parts] = all;\n"
        + "    } else {\n"
        + "      store(to[kat" + output + "], all.result());\n"
        + "    }\n"
        + "  }\n"
        + "}\n"
        + "extern \"C\" __global__ void __launch_bounds__(" + THREADS + ") join(" + parameters + ") {\n"
        + "  const long long number = blockIdx.x * (long long)blockDim.x + threadIdx.x;\n"
        + "  if (number >= outputs) {\n    return;\n  }\n"
        + "  Partial all = partial[number * parts];\n"
        + "  for (long long i = 1; i < parts; i++) {\n"
        + "    all.join(partial[number * parts + i]);\n"
        + "  }\n"
        + "  " + integer + " outer = (" + integer + ")number;\n"
        + results.offsets("k", integer, "outer", 1, "  ")
        + "  store(to[kat" + output + "], all.result());\n"
        + "}\n";
  }
}
