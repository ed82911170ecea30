package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * Cumulative sums, each a running sum in double along its line. Lines whose elements are neighbours are summed one after the other;
 * where the axis is an outer one, many lines that lie side by side advance together.
 */
final class RunningSums implements Runnable, Team.Body {
  /** Lines that advance together. */
  private static final int LINES = 1024;

  private final Call call;
  private final Team team;
  private final Axes axes;
  private final long[] base;
  /** The axis that is summed along. */
  private final int along;
  private final boolean isReverse;
  /** The innermost of the other axes, or -1, with as many lines as are done together. */
  private final int beside;
  private final int lines;
  private final long blocks;
  private final int chunks;
  private final boolean alone;
  private final double[][] sums;

  static Runnable prepare(CumulativeSum op, Call call, Team team) {
    Operand in = call.in().getFirst();
    Operand out = call.out().getFirst();
    Shape shape = out.shape();
    int axis = shape.axis(op.axis());
    if (shape.size() == 0 || shape.dim(axis) == 1) {
      return PointwiseKernels.prepare(Pointwise.of(op.name(), Program.IDENTITY), call, team);
    }
    List<Layout> layouts = List.of(in.layout(), out.layout());
    return new RunningSums(op, Axes.of(shape, layouts, new long[] {4, 4}, 2, List.of(axis), false), call, team);
  }

  private RunningSums(CumulativeSum op, Axes axes, Call call, Team team) {
    this.call = call;
    this.team = team;
    this.axes = axes;
    base = new long[] {PointwiseKernels.address(call.in().getFirst()), PointwiseKernels.address(call.out().getFirst())};
    isReverse = op.reverse();
    int a = 0;
    while (!axes.isReduced(a)) {
      a++;
    }
    along = a;
    int last = axes.rank() - 1;
    beside = along < last ? last : last - 1;
    long width = beside < 0 ? 1 : axes.dim(beside);
    long wanted = along < last ? LINES : Math.max(1, Chunks.ELEMENTS / axes.dim(along));
    lines = (int) Math.min(width, wanted);
    blocks = (width + lines - 1) / lines;
    long all = blocks;
    for (int i = 0; i < axes.rank(); i++) {
      all *= i == along || i == beside ? 1 : axes.dim(i);
    }
    chunks = Math.toIntExact(all);
    alone = Chunks.isSmall(call.out().getFirst().shape().size(), 1);
    sums = new double[alone || chunks == 1 ? 1 : team.size()][along < last ? lines : 0];
  }

  @Override
  public void run() {
    Chunks.run(call, team, alone, chunks, this);
  }

  @Override
  public void run(int worker, int chunk) {
    long from = base[0];
    long to = base[1];
    long rest = chunk / blocks;
    for (int a = axes.rank() - 1; a >= 0; a--) {
      if (a != along && a != beside) {
        long i = rest % axes.dim(a);
        rest /= axes.dim(a);
        from += i * axes.strides(a)[0];
        to += i * axes.strides(a)[1];
      }
    }
    long fromStep = axes.strides(along)[0];
    long toStep = axes.strides(along)[1];
    long steps = axes.dim(along);
    if (isReverse) {
      from += (steps - 1) * fromStep;
      to += (steps - 1) * toStep;
      fromStep = -fromStep;
      toStep = -toStep;
    }
    if (beside < 0) {
      line(from, fromStep, to, toStep, steps);
      return;
    }
    long first = chunk % blocks * lines;
    int n = (int) Math.min(lines, axes.dim(beside) - first);
    long fromBeside = axes.strides(beside)[0];
    long toBeside = axes.strides(beside)[1];
    from += first * fromBeside;
    to += first * toBeside;
    if (beside < along) {
      for (int l = 0; l < n; l++) {
        line(from + l * fromBeside, fromStep, to + l * toBeside, toStep, steps);
      }
      return;
    }
    double[] sum = sums[worker];
    Arrays.fill(sum, 0, n, 0);
    for (long s = 0; s < steps; s++) {
      for (int l = 0; l < n; l++) {
        sum[l] += Memory.getFloat(from + l * fromBeside);
        Memory.setFloat(to + l * toBeside, (float) sum[l]);
      }
      from += fromStep;
      to += toStep;
    }
  }

  private static void line(long from, long fromStep, long to, long toStep, long steps) {
    double sum = 0;
    for (long s = 0; s < steps; s++) {
      sum += Memory.getFloat(from);
      Memory.setFloat(to, (float) sum);
      from += fromStep;
      to += toStep;
    }
  }
}
