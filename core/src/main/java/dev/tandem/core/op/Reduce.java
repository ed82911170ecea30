package dev.tandem.core.op;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.Locale;

/**
 * Reduces {@code prologue(in...)} over {@code axes} of the inputs' common shape; reduced axes stay, with size 1. Sums of floats are
 * F32 (F64 if an input is), sums of integers I32 and wrap. A NaN makes MAX and MIN NaN and counts as the extreme for ARGMAX and
 * ARGMIN; the first of equal elements wins. Results do not depend on the number of threads.
 *
 * @param axes counted from the front; ARGMAX and ARGMIN take one, and give I32 positions along it
 * @param prologue gives one FLOAT or INT value
 */
public record Reduce(Kind kind, List<Integer> axes, Program prologue, Launch launch) implements Op {
  /** What is kept of the reduced elements. */
  public enum Kind {
    SUM, MAX, MIN, ARGMAX, ARGMIN;

    /** Whether the result is a position. */
    public boolean isPosition() {
      return this == ARGMAX || this == ARGMIN;
    }
  }

  public Reduce {
    axes = axes.stream().sorted().distinct().toList();
    ShapeException.require(axes.isEmpty() || axes.get(0) >= 0, "axes of operations are counted from the front");
    if (prologue.outputs().size() != 1 || prologue.outputKind(0) == DType.Kind.BOOL) {
      throw new IllegalArgumentException("the prologue of a reduction gives one FLOAT or INT value");
    }
  }

  public static Reduce of(Kind kind, List<Integer> axes, DType.Kind elements) {
    return new Reduce(kind, axes, Program.identity(elements), Launch.NONE);
  }

  public static Reduce sum(List<Integer> axes, Program prologue) {
    return new Reduce(Kind.SUM, axes, prologue, Launch.NONE);
  }

  @Override
  public String name() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Pointwise.checkInputs(prologue, in);
    Shape full = Shape.broadcast(in.stream().map(Spec::shape).toList());
    long reduced = 1;
    for (int a : axes) {
      reduced *= full.dim(full.axis(a));
    }
    ShapeException.require(!kind.isPosition() || axes.size() == 1, "a position is along one axis, not " + axes.size());
    if (kind != Kind.SUM && reduced == 0) {
      throw new ShapeException("there is no " + name() + " of no elements: axes " + axes + " of " + full);
    }
    DType type = kind.isPosition() ? DType.I32 : Pointwise.dtype(prologue.outputKind(0), Op.computed(in));
    return List.of(new Spec(full.reduced(axes), type));
  }

  @Override
  public String toString() {
    return name() + axes + (launch.equals(Launch.NONE) ? "" : launch.arguments());
  }
}
