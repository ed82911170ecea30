package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reductions. Here the trivial ones are told from those that {@link Reduction} does. */
final class ReduceKernels {
  /** Elements beyond the second-level cache: of fewer there is nothing to win. */
  private static final long LARGE = 1 << 18;

  private ReduceKernels() {
  }

  static Runnable prepare(Reduce op, Call call, Team team) {
    return prepare(op, call, team, Lanes.AVAILABLE);
  }

  /** @param vector whether vector instructions may be used */
  static Runnable prepare(Reduce op, Call call, Team team, boolean vector) {
    Operand out = call.out().getFirst();
    if (out.shape().size() == 0) {
      return () -> {};
    }
    Shape full = Shape.broadcast(call.in().stream().map(Operand::shape).toList());
    long reduced = full.size() / out.shape().size();
    if (reduced == 0 || reduced == 1 && op.kind().isPosition()) {
      Pointwise zero = Pointwise.of("zero", Program.of(0, Expr.constant(0, out.dtype().kind())));
      return PointwiseKernels.prepare(zero, new Call(zero, List.of(), call.out(), null), team, vector);
    }
    if (reduced == 1) {
      return PointwiseKernels.prepare(new Pointwise(op.name(), op.prologue(), List.of(out.dtype()), op.launch()), call,
          team, vector);
    }
    DType computed = op.prologue().outputKind(0) == DType.Kind.FLOAT ? DType.F32 : DType.I32;
    List<Integer> axes = op.axes().stream().map(full::axis).toList();
    return new Reduction(op, axes(full, axes, call, op.prologue().isRandom()), computed, call, team, vector);
  }

  /**
   * A pointwise operation and the sum of what it makes, as one: values are added up while they are in the cache, in the
   * order and with the bits of the sum alone. A rectifier's gradient and the sums of a bias's are such a pair.
   *
   * @return null if they are no such pair, or so small that they stay in the cache
   */
  static @Nullable Call pair(Call first, Call second) {
    if (!(first.op() instanceof Pointwise p && second.op() instanceof Reduce r) || r.kind() != Reduce.Kind.SUM
        || !r.prologue().isIdentity() || first.out().size() != 1 || p.program().isRandom()) {
      return null;
    }
    Operand values = first.out().getFirst();
    Operand sums = second.out().getFirst();
    if (!values.equals(second.in().getFirst()) || values.dtype() != DType.F32 || values.shape().size() < LARGE
        || sums.shape().size() == 0 || sums.shape().size() == values.shape().size()) {
      return null;
    }
    List<Operand> in = new ArrayList<>(List.of(values));
    in.addAll(first.in());
    for (Operand o : in) {
      // A sum may be written while there are values to be made.
      if (o.storage() == sums.storage()) {
        return null;
      }
    }
    Call both = new Call(r, in, second.out(), null);
    return isWalkedAlike(r, second, both) ? both : null;
  }

  /** Whether more operands change nothing of how the sum goes through memory, and all are dense or repeated there. */
  private static boolean isWalkedAlike(Reduce op, Call alone, Call both) {
    Shape full = alone.in().getFirst().shape();
    List<Integer> reduced = op.axes().stream().map(full::axis).toList();
    Axes a = axes(full, reduced, alone, false);
    Axes b = axes(full, reduced, both, false);
    if (!a.isAlike(b)) {
      return false;
    }
    long[] step = b.strides(b.rank() - 1);
    for (int k = 0; k < both.in().size(); k++) {
      Access access = Access.of(both.in().get(k).dtype(), step[k]);
      if (access.step() == Access.Step.OTHER || k == 0 && access.step() != Access.Step.UNIT) {
        return false;
      }
    }
    return a.dim(a.rank() - 1) > 1;
  }

  /** @param both what {@link #pair} gave for a call of {@code made} */
  static Runnable prepare(Pointwise made, Call both, Team team) {
    return prepare(made, both, team, Lanes.AVAILABLE);
  }

  /** @param vector whether vector instructions may be used */
  static Runnable prepare(Pointwise made, Call both, Team team, boolean vector) {
    Reduce op = (Reduce) both.op();
    Shape full = both.in().getFirst().shape();
    List<Integer> axes = op.axes().stream().map(full::axis).toList();
    return new Reduction(op, axes(full, axes, both, false), DType.F32, both, made, team, vector);
  }

  private static Axes axes(Shape full, List<Integer> reduced, Call call, boolean positions) {
    List<Operand> operands = new ArrayList<>(call.in());
    operands.addAll(call.out());
    long[] units = new long[operands.size()];
    List<Layout> layouts = new ArrayList<>();
    for (int k = 0; k < units.length; k++) {
      units[k] = operands.get(k).dtype().bytes();
      layouts.add(operands.get(k).layout().expand(full));
    }
    return Axes.of(full, layouts, units, call.in().size(), reduced, positions);
  }
}
