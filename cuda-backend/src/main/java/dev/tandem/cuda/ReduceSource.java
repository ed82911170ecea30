package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The CUDA C++ of a reduction: {@code fold} makes a part of each result, {@code join} a result of its parts.
 *
 * @param packed whether the neighbours that a lane takes at a time are read in one access
 */
record ReduceSource(Reduce op, Call call, Walk results, Walk reduced, ReduceCalls.Plan plan, boolean packed) {
  /** Threads that join the parts of one result. */
  static final int JOIN_LANES = 32;

  /** All that the source depends on. */
  private record Key(String name, Reduce.Kind kind, Program prologue, List<DType> types, DType out, int kept,
      int reduced, int lanes, boolean neighbours, List<Boolean> packed, boolean small) {
  }

  /** Whether the source reads the position of an element. */
  static boolean isOrdered(Reduce op) {
    return op.kind().isPosition() || op.prologue().isRandom();
  }

  Kernels.Kernel fold(CudaContext context) {
    Key key = key("fold", plan.lanes(), plan.lanesAreNeighbours(),
        IntStream.range(0, call.in().size()).mapToObj(this::isPacked).toList());
    return context.kernels().get(key, "fold", () -> header(context.kernels()) + "#define LANES " + plan.lanes()
        + "\n#define RESULTS " + plan.resultsOfBlock() + "\n#define WIDTH " + plan.width() + "\n" + fold());
  }

  Kernels.Kernel join(CudaContext context) {
    return context.kernels().get(key("join", JOIN_LANES, true, List.of()), "join",
        () -> header(context.kernels()) + join());
  }

  private Key key(String name, int lanes, boolean neighbours, List<Boolean> packedInputs) {
    return new Key(name, op.kind(), op.prologue(), call.in().stream().map(Operand::dtype).toList(),
        call.out().getFirst().dtype(), results.rank(), reduced.rank(), lanes, neighbours, packedInputs, isSmall());
  }

  private boolean isSmall() {
    return results.isSmall() && reduced.isSmall() && results.reach() + reduced.reach() < 1L << 30;
  }

  /** Whether this input is read with its neighbours. */
  private boolean isPacked(int input) {
    return packed && reduced.inner(input) == 1;
  }

  private String integer() {
    return isSmall() ? "unsigned" : "long long";
  }

  private String element(int input) {
    return ProgramSource.element(call.in().get(input).dtype());
  }

  private String parameters() {
    StringBuilder text = new StringBuilder("long long outputs, long long elements, long long part, long long parts");
    for (int k = 0; k < call.in().size(); k++) {
      text.append(", const ").append(element(k)).append(" *p").append(k);
    }
    return text.append(", ").append(ProgramSource.element(call.out().getFirst().dtype()))
        .append(" *to, Partial *partial")
        .append(results.parameters("k")).append(reduced.parameters("r"))
        .append(ProgramSource.parameters(op.prologue())).toString();
  }

  private String header(Kernels kernels) {
    String kind = op.kind().isPosition() ? "Position<" : "Fold<";
    String register = ProgramSource.register(op.prologue().outputKind(0));
    return kernels.source("elements.cuh") + kernels.source("opcodes.cuh") + kernels.source("fold.cuh") + "typedef "
        + kind + op.kind() + ", " + register + "> Partial;\n";
  }

  private String fold() {
    boolean neighbours = plan.lanesAreNeighbours();
    return "extern \"C\" __global__ void __launch_bounds__(" + Kernels.THREADS + ") fold(" + parameters() + ") {\n"
        + "  const int lane = threadIdx.x " + (neighbours ? "% LANES" : "/ RESULTS") + ";\n"
        + "  const int mine = threadIdx.x " + (neighbours ? "/ LANES" : "% RESULTS") + ";\n"
        + "  const unsigned which = blockIdx.x % (unsigned)parts;\n"
        + "  const long long number = blockIdx.x / (unsigned)parts * (long long)RESULTS + mine;\n"
        + "  const long long end = (which + 1) * part < elements ? (which + 1) * part : elements;\n"
        + "  Partial all;\n"
        + "  all.start();\n"
        + outer("number < outputs ? number : 0")
        + "  if (number < outputs) {\n"
        + "#pragma unroll 4\n"
        + "    for (long long i = which * part + lane * WIDTH; i < end; i += LANES * WIDTH) {\n"
        + (packed ? together() : oneByOne())
        + "    }\n"
        + "  }\n"
        + (neighbours ? "  join_neighbours<LANES>(all);\n" : "  join_across<LANES, RESULTS>(all);\n")
        + "  if (lane == 0 && number < outputs) {\n"
        + "    if (parts > 1) {\n"
        + "      partial[number * parts + which] = all;\n"
        + "    } else {\n"
        + "      " + store()
        + "    }\n"
        + "  }\n"
        + "}\n";
  }

  private String join() {
    return "extern \"C\" __global__ void __launch_bounds__(" + Kernels.THREADS + ") join(" + parameters() + ") {\n"
        + "  const int lane = threadIdx.x % " + JOIN_LANES + ";\n"
        + "  const long long number = blockIdx.x * " + Kernels.THREADS / JOIN_LANES + "LL + threadIdx.x / " + JOIN_LANES
        + ";\n"
        + "  Partial all;\n"
        + "  all.start();\n"
        + outer("number < outputs ? number : 0")
        + "  if (number < outputs) {\n"
        + "    for (long long n = lane; n < parts; n += " + JOIN_LANES + ") {\n"
        + "      all.join(partial[number * parts + n]);\n"
        + "    }\n"
        + "  }\n"
        + "  join_neighbours<" + JOIN_LANES + ">(all);\n"
        + "  if (lane == 0 && number < outputs) {\n"
        + "    " + store()
        + "  }\n"
        + "}\n";
  }

  /** Where the operands of a result begin. */
  private String outer(String number) {
    return "  " + integer() + " outer = (" + integer() + ")(" + number + ");\n"
        + results.offsets("k", integer(), "outer", 1, "  ");
  }

  private String store() {
    return "store(to[kat" + (results.strides().length - 1) + "], all.result());\n";
  }

  /** One element after another, each found for itself. */
  private String oneByOne() {
    List<String> loads = IntStream.range(0, call.in().size()).mapToObj(k -> "load(" + place(k) + ")").toList();
    return "#pragma unroll\n"
        + "      for (int j = 0; j < WIDTH; j++) {\n"
        + "        if (WIDTH == 1 || i + j < end) {\n"
        + "          " + integer() + " index = (" + integer() + ")(i + j);\n"
        + reduced.offsets("r", integer(), "index", 1, "          ")
        + add(loads, position(""), "          ")
        + "        }\n"
        + "      }\n";
  }

  /** Neighbours, or as many as are left at the end, which are found together. */
  private String together() {
    StringBuilder text = new StringBuilder("      const int count = end - i < WIDTH ? (int)(end - i) : WIDTH;\n      ")
        .append(integer()).append(" index = (").append(integer()).append(")i;\n")
        .append(reduced.offsets("r", integer(), "index", 1, "      "));
    List<String> loads = new ArrayList<>();
    for (int k = 0; k < call.in().size(); k++) {
      if (isPacked(k)) {
        String type = "Pack<" + element(k) + ", WIDTH>";
        text.append("      ").append(type).append(" x").append(k).append(";\n")
            .append("      if (count == WIDTH) {\n        x").append(k).append(" = *(const ").append(type)
            .append(" *)&")
            .append(place(k)).append(";\n      } else {\n        for (int j = 0; j < count; j++) {\n          x")
            .append(k)
            .append(".at[j] = (&").append(place(k)).append(")[j];\n        }\n      }\n");
        loads.add("load(x" + k + ".at[j])");
      } else {
        loads.add("load(" + place(k) + ")");
      }
    }
    return text.append("#pragma unroll\n      for (int j = 0; j < WIDTH; j++) {\n        if (j < count) {\n")
        .append(add(loads, position(" + j * rstep" + call.in().size() + "_" + (reduced.rank() - 1)), "          "))
        .append("        }\n      }\n").toString();
  }

  private static String place(int input) {
    return "p" + input + "[kat" + input + " + rat" + input + "]";
  }

  /** The row-major position of an element. */
  private String position(String further) {
    int k = call.in().size();
    return isOrdered(op) ? "(long long)kat" + k + " + (long long)rat" + k + further : "0";
  }

  private String add(List<String> loads, String position, String indent) {
    return ProgramSource.body(op.prologue(), loads, position, indent) + indent + "all.add(r"
        + op.prologue().outputs().getFirst() + ", i + j);\n";
  }
}
