package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reductions. A block has as many lanes as elements of one result are folded at a time, and folds several results; lanes are neighbours
 * where the reduced elements lie densely, results where they do not. Where results are few, the elements of each are also cut
 * into parts for several blocks, which a second kernel joins. How the work is cut follows from shapes and strides alone, so that sums
 * are the same numbers on every device and at every address.
 */
final class ReduceCalls {
  private static final int THREADS = Kernels.THREADS;
  /** Blocks that are wanted before elements of one result are left to one block. */
  private static final long ENOUGH_BLOCKS = 1024;
  private static final long MOST_PARTS = 1024;
  /** Elements of a lane that are worth a further block. */
  private static final long LEAST_OF_LANE = 16;
  /** Neighbouring elements of a lane. */
  private static final int WIDTH = 4;
  /** Results that make full use of an access where they lie side by side. */
  private static final int SIDE_BY_SIDE = 32;
  /** Results that keep a device busy with a thread for each. */
  private static final long MANY_RESULTS = 1 << 16;
  /** Room for a Partial of the kernels, the largest of which holds a value and its position. */
  private static final long PARTIAL_BYTES = 8;

  private ReduceCalls() {
  }

  /**
   * How the work is cut.
   *
   * @param width neighbouring elements that a lane takes at a time
   * @param parts of the elements of a result
   * @param part elements of each, but the last
   */
  record Plan(boolean lanesAreNeighbours, int lanes, int width, long parts, long part) {
    int resultsOfBlock() {
      return THREADS / lanes;
    }

    static Plan of(Walk results, Walk reduced, long elements, int inputs) {
      boolean neighbours = lanesAreNeighbours(results, reduced, inputs);
      int width = neighbours ? WIDTH : 1;
      long accesses = (elements + width - 1) / width;
      int most = THREADS;
      if (!neighbours) {
        int beside = results.size() >= MANY_RESULTS ? THREADS : (int) Math.min(SIDE_BY_SIDE, atLeast(results.size()));
        most = THREADS / beside;
      }
      int lanes = (int) Math.min(most, atLeast(accesses));
      long blocks = (results.size() + THREADS / lanes - 1) / (THREADS / lanes);
      long wanted = Math.clamp(Math.min(elements / (lanes * LEAST_OF_LANE), ENOUGH_BLOCKS / blocks), 1, MOST_PARTS);
      long part = ((elements + wanted - 1) / wanted + width - 1) / width * width;
      return new Plan(neighbours, lanes, width, Math.max(1, (elements + part - 1) / Math.max(1, part)), part);
    }

    /** The power of two that is not below {@code n}. */
    private static long atLeast(long n) {
      return Long.highestOneBit(Math.max(1, 2 * n - 1));
    }

    private static boolean lanesAreNeighbours(Walk results, Walk reduced, int inputs) {
      boolean neighbours = true;
      for (int k = inputs - 1; k >= 0; k--) {
        long along = reduced.inner(k);
        long across = results.inner(k);
        if (along != 0 || across != 0) {
          neighbours = across == 0 || along != 0 && along <= across;
        }
      }
      return neighbours;
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
    boolean ordered = ReduceSource.isOrdered(op);
    List<Layout> sources = ordered ? layouts.subList(0, layouts.size() - 1) : layouts.subList(0, call.in().size());
    Walk results = Walk.of(full, kept, ordered ? layouts : without(layouts, call.in().size()), ordered);
    Walk reduced = Walk.of(full, op.axes(), sources, ordered);
    long elements = op.axes().stream().mapToLong(full::dim).reduce(1, (a, b) -> a * b);
    Plan plan = Plan.of(results, reduced, elements, call.in().size());
    ReduceSource source =
        new ReduceSource(op, call, results, reduced, plan, isPacked(call.in(), results, reduced, plan, context));
    Kernels.Kernel fold = source.fold(context);
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
    Kernels.Kernel join = source.join(context);
    int together = THREADS / ReduceSource.JOIN_LANES;
    return new Prepared(outputs * plan.parts * PARTIAL_BYTES, partial -> {
      values[scratchArgument] = partial;
      context.launch(fold, blocks, THREADS, 0, values);
      context.launch(join, (outputs + together - 1) / together, THREADS, 0, values);
    });
  }

  private static List<Layout> without(List<Layout> layouts, int index) {
    List<Layout> rest = new ArrayList<>(layouts);
    rest.remove(index);
    return rest;
  }

  /** Whether the neighbours of a lane can be read in one access, wherever they begin. */
  private static boolean isPacked(List<Operand> in, Walk results, Walk reduced, Plan plan, CudaContext context) {
    int last = reduced.rank() - 1;
    if (plan.width == 1 || last > 0 && reduced.dims()[last] % plan.width != 0) {
      return false;
    }
    boolean moves = false;
    for (int k = 0; k < in.size(); k++) {
      long inner = reduced.inner(k);
      if (inner == 0) {
        continue;
      }
      moves = true;
      long steps = 0;
      for (int d = 0; d < last; d++) {
        steps |= reduced.strides()[k][d];
      }
      for (long s : results.strides()[k]) {
        steps |= s;
      }
      int bytes = in.get(k).dtype().bytes() * plan.width;
      if (inner != 1 || steps % plan.width != 0 || context.address(in.get(k)) % bytes != 0) {
        return false;
      }
    }
    return moves;
  }
}
