package dev.tandem.core.optim;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Block;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Bounds gradients before an optimizer sees them, on the device and in place in the models' flat gradient buffers. Only
 * gradients of the step at hand count: of a parameter that the loss does not depend on, nothing.
 *
 * <pre>{@code
 * Clipping.Clipped clipped = Clipping.byNorm(Gradients.of(loss), 1.0, model);
 * optimizer.update(clipped.gradients());
 * return List.of(loss, clipped.norm());
 * }</pre>
 */
public final class Clipping {
  private static final Expr G = Expr.input(0);
  private static final Expr LIMIT = Expr.argument(0);
  private static final Program SQUARE = Program.of(1, G.mul(G));
  private static final Program ROOT = Program.of(1, G.sqrt());
  private static final Program SCALE = Program.of(2, G.mul(LIMIT.div(Expr.input(1).max(LIMIT))));
  private static final Program BOUND = Program.of(1, G.max(LIMIT.neg()).min(LIMIT));

  private Clipping() {
  }

  /**
   * What clipping by norm gives.
   *
   * @param gradients after clipping
   * @param norm F32 [], of all gradients before it
   */
  public record Clipped(Gradients gradients, Tensor norm) {
  }

  /**
   * All gradients of {@code models} multiplied by {@code maxNorm / norm} when their Euclidean norm, taken together,
   * is above {@code maxNorm}: Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks,
   * ICML 2013, algorithm 1. A norm that is not finite makes them NaN or 0, as in PyTorch.
   *
   * @param models on one device; gradients of other parameters stay as they are
   * @throws IllegalArgumentException if {@code maxNorm} is not a positive number, or no gradient is of these models
   */
  public static Clipped byNorm(Gradients gradients, double maxNorm, Block... models) {
    List<ParameterRun.Range> ranges = ranges(gradients, "norm", maxNorm, models);
    Tensor sum = sumOfSquares(ranges.getFirst());
    for (ParameterRun.Range range : ranges.subList(1, ranges.size())) {
      sum = sum.add(sumOfSquares(range));
    }
    Tensor norm = Tensor.pointwise("norm", ROOT, sum).reshape();
    for (ParameterRun.Range range : ranges) {
      inPlace("clipNorm", SCALE, maxNorm, range, norm);
    }
    return new Clipped(clipped(gradients, ranges), norm);
  }

  /**
   * All gradients of {@code models} with elements below {@code -limit} and above {@code limit} set to these.
   *
   * @throws IllegalArgumentException if {@code limit} is not a positive number, or no gradient is of these models
   */
  public static Gradients byValue(Gradients gradients, double limit, Block... models) {
    List<ParameterRun.Range> ranges = ranges(gradients, "value", limit, models);
    for (ParameterRun.Range range : ranges) {
      inPlace("clipValue", BOUND, limit, range);
    }
    return clipped(gradients, ranges);
  }

  private static Tensor sumOfSquares(ParameterRun.Range range) {
    return Execution.one(Reduce.sum(List.of(0), SQUARE), range.gradients());
  }

  private static void inPlace(String name, Program program, double limit, ParameterRun.Range range, Tensor... more) {
    Tensor g = range.gradients();
    List<Tensor> in = new ArrayList<>(List.of(g));
    in.addAll(List.of(more));
    Execution.into(Pointwise.of(name, program, Launch.of(limit), DType.F32), in, List.of(g));
  }

  private static List<ParameterRun.Range> ranges(Gradients gradients, String what, double limit, Block... models) {
    if (!(limit > 0) || Double.isInfinite(limit)) {
      throw new IllegalArgumentException("gradients cannot be clipped to a " + what + " of " + limit
          + "; it must be a positive number");
    }
    // A parameter that models share counts once.
    Map<Parameter, Map.Entry<String, Parameter>> parameters = new LinkedHashMap<>();
    for (Block model : models) {
      model.parameters().entrySet().forEach(e -> parameters.putIfAbsent(e.getValue(), e));
    }
    List<ParameterRun.Range> ranges = new ArrayList<>();
    for (ParameterRun run : ParameterRun.of(parameters.values())) {
      ranges.addAll(run.ranges(gradients));
    }
    if (ranges.isEmpty()) {
      throw new IllegalArgumentException("there is nothing to clip: no gradient is of a parameter of "
          + List.of(models) + "; pass the models that the loss depends on");
    }
    return ranges;
  }

  /** Those in the flat buffers, which for the sum of several backward passes are other tensors than before. */
  private static Gradients clipped(Gradients gradients, List<ParameterRun.Range> ranges) {
    Map<Tensor, Tensor> inBuffer = new IdentityHashMap<>();
    for (ParameterRun.Range range : ranges) {
      for (Parameter p : range.parameters()) {
        Tensor destination = p.tensor().gradientDestination();
        if (destination != null) {
          inBuffer.put(p.tensor(), destination);
        }
      }
    }
    return gradients.with(inBuffer);
  }
}
