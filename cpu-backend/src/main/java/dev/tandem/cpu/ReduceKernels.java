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

/** Reductions. Here the trivial ones are told from those that {@link Reduction} does. */
final class ReduceKernels {
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
