package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.tensor.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * What large parameters cost, a number to add to the loss:
 * {@code loss.add(Penalties.l2(model, 1e-4, path -> path.endsWith("weight")))}. A shared parameter counts once.
 */
public final class Penalties {
  private static final Expr P = Expr.input(0);
  private static final Program ABSOLUTE = Program.of(1, P.abs().mul(Expr.argument(0)));
  private static final Program SQUARE = Program.of(1, P.mul(P).mul(Expr.argument(0)));

  private Penalties() {
  }

  /** {@code factor Σ |p|} of all parameters, F32 []; its gradient is 0 where p is (Tibshirani 1996, the lasso). */
  public static Tensor l1(Block block, double factor) {
    return l1(block, factor, path -> true);
  }

  /** {@link #l1(Block, double)} of the parameters whose path {@code paths} accepts. */
  public static Tensor l1(Block block, double factor, Predicate<String> paths) {
    return sum("l1", ABSOLUTE, block, factor, paths);
  }

  /**
   * {@code factor Σ p²} of all parameters, F32 []: with plain gradient descent the same as a weight decay of twice the
   * factor.
   */
  public static Tensor l2(Block block, double factor) {
    return l2(block, factor, path -> true);
  }

  /** {@link #l2(Block, double)} of the parameters whose path {@code paths} accepts. */
  public static Tensor l2(Block block, double factor, Predicate<String> paths) {
    return sum("l2", SQUARE, block, factor, paths);
  }

  private static Tensor sum(String name, Program program, Block block, double factor, Predicate<String> paths) {
    return FramedLoss.framed(name, () -> total(name, program, block, factor, paths));
  }

  private static Tensor total(String name, Program program, Block block, double factor, Predicate<String> paths) {
    Tensor total = null;
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Map.Entry<String, Parameter> e : block.parameters().entrySet()) {
      if (paths.test(e.getKey()) && seen.add(e.getValue())) {
        Tensor p = e.getValue().tensor();
        List<Integer> axes = IntStream.range(0, p.shape().rank()).boxed().toList();
        Tensor part = Tensor.sumOf(axes, program, Launch.of(factor), p).reshape();
        total = total == null ? part : total.add(part);
      }
    }
    if (total == null) {
      throw new IllegalArgumentException("the penalty " + name + " chooses no parameter of " + block.name()
          + "; its parameters are " + block.parameters().keySet());
    }
    return total;
  }
}
