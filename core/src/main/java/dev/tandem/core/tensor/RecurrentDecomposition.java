package dev.tandem.core.tensor;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The slow twin of {@link Recurrent}: one product for the inputs of all steps, then in every step one product and one or two programs. States
 * come last among the inputs of a program, followed in masked sequences by whether the step is inside. In a scope with BF16 the
 * products are, while gates and states have the dtype of x, F32: in BF16 a forget gate above 0.998 would be 1.
 */
final class RecurrentDecomposition {
  private static final Expr ONE = Expr.constant(1);
  private static final Program ADD_BIASES = Program.of(3, Expr.input(0).add(Expr.input(1)).add(Expr.input(2)));
  private static final Program INSIDE_OR_ZERO =
      Program.of(2, Expr.input(1, Kind.BOOL).where(Expr.input(0), Expr.constant(0)));
  private static final Program LSTM_GATES = Program.of(4, Expr.input(0).sigmoid(), Expr.input(1).sigmoid(),
      Expr.input(2).tanh(), Expr.input(3).sigmoid());
  private static final Program RESET = Program.of(3, Expr.input(0).add(Expr.input(1)).sigmoid().mul(Expr.input(2)));

  private final Recurrent op;
  private final int hidden;
  private final Tensor projected;
  private final Tensor weightHh;
  /** [N, G*H] for the cell that does not add its biases once for all. Expanded here so that backward sums it up once, not in every
   * step. */
  private final @Nullable Tensor biasHh;
  /** BOOL [T, N, 1]. */
  private final @Nullable Tensor inside;
  private final Pointwise program;

  private RecurrentDecomposition(Recurrent op, List<Tensor> in) {
    this.op = op;
    Tensor x = in.get(0);
    int steps = x.shape().dim(0);
    int n = x.shape().dim(1);
    hidden = in.get(1).shape().dim(1);
    int w = op.weights();
    int rows = op.cell().gates() * hidden;
    // Copied once, so that the gradients of all steps, which add up, lie in memory alike.
    weightHh = in.get(w + 1).transpose(0, 1).contiguous();
    Tensor product = x.reshape(steps * n, x.shape().dim(2)).matmul(in.get(w).transpose(0, 1));
    boolean hiddenBias = op.cell() == Recurrent.Cell.GRU;
    biasHh = hiddenBias ? in.get(w + 3).expand(n, rows) : null;
    projected = (hiddenBias ? product.add(in.get(w + 2))
        : Tensor.pointwise("bias", ADD_BIASES, product, in.get(w + 2), in.get(w + 3))).reshape(steps, n, rows);
    inside = op.masked()
        ? Tensor.arange(x.device(), steps).reshape(steps, 1, 1).less(in.get(w + 4).reshape(1, n, 1)) : null;
    program = Pointwise.of(op.cell().name(), program(op.cell(), op.masked()), Launch.NONE, x.dtype());
  }

  static List<Tensor> of(Recurrent op, List<Tensor> in) {
    return new RecurrentDecomposition(op, in).run(in.subList(1, op.weights()));
  }

  private List<Tensor> run(List<Tensor> initial) {
    Tensor[] hiddenStates = new Tensor[projected.shape().dim(0)];
    List<Tensor> states = initial;
    for (int k = 0; k < hiddenStates.length; k++) {
      int t = op.reverse() ? hiddenStates.length - 1 - k : k;
      List<Tensor> before = states;
      Scope scope = Scope.current();
      states = scope == null ? step(t, before) : scope.frame("step", () -> step(t, before), ArrayList::new);
      hiddenStates[t] = states.get(0);
    }
    Tensor all = Tensor.stack(0, hiddenStates);
    List<Tensor> results = new ArrayList<>();
    results.add(inside == null ? all : Tensor.pointwise("inside", INSIDE_OR_ZERO, all, inside));
    results.addAll(states);
    return results;
  }

  /** The states after step {@code t}. */
  private List<Tensor> step(int t, List<Tensor> states) {
    Tensor x = projected.select(0, t);
    Tensor h = states.get(0);
    List<Tensor> operands = new ArrayList<>(switch (op.cell()) {
      case RNN_TANH, RNN_RELU -> List.of(x, h.matmul(weightHh));
      case LSTM -> lstmGates(x, h);
      case GRU -> gates(x, h.matmul(weightHh).add(biasHh));
      case GRU_RESET_BEFORE -> resetBefore(x, h);
    });
    operands.addAll(states);
    if (inside != null) {
      operands.add(inside.select(0, t));
    }
    return Execution.run(program, operands.toArray(Tensor[]::new));
  }

  /** Sums, so that gradients have few enough operands for one program, and activated apart from what follows, so that they read the
   * gates instead of computing four functions again. */
  private List<Tensor> lstmGates(Tensor x, Tensor h) {
    Pointwise activated = Pointwise.of("gates", LSTM_GATES, Launch.NONE, h.dtype());
    return Execution.run(activated, x.add(h.matmul(weightHh)).split(hidden, 1).toArray(Tensor[]::new));
  }

  private List<Tensor> gates(Tensor x, Tensor h) {
    List<Tensor> all = new ArrayList<>(x.split(hidden, 1));
    all.addAll(h.split(hidden, 1));
    return all;
  }

  /** What z and n read of x and of h. */
  private List<Tensor> resetBefore(Tensor x, Tensor h) {
    Tensor product = h.matmul(weightHh.slice(1, 0, 2 * hidden));
    List<Tensor> ofX = x.split(hidden, 1);
    List<Tensor> ofH = product.split(hidden, 1);
    Tensor kept = Tensor.pointwise("reset", RESET, ofX.get(0), ofH.get(0), h);
    return List.of(ofX.get(1), ofH.get(1), ofX.get(2), kept.matmul(weightHh.slice(1, 2 * hidden, 3 * hidden)));
  }

  private static Program program(Recurrent.Cell cell, boolean masked) {
    return switch (cell) {
      case RNN_TANH -> states(2, masked, Expr.input(0).add(Expr.input(1)).tanh());
      case RNN_RELU -> states(2, masked, Expr.input(0).add(Expr.input(1)).max(0));
      case LSTM -> lstm(masked);
      case GRU -> {
        Expr r = Expr.input(0).add(Expr.input(3)).sigmoid();
        Expr z = Expr.input(1).add(Expr.input(4)).sigmoid();
        Expr n = Expr.input(2).add(r.mul(Expr.input(5))).tanh();
        yield states(6, masked, ONE.sub(z).mul(n).add(z.mul(Expr.input(6))));
      }
      case GRU_RESET_BEFORE -> {
        Expr z = Expr.input(0).add(Expr.input(1)).sigmoid();
        Expr n = Expr.input(2).add(Expr.input(3)).tanh();
        yield states(4, masked, ONE.sub(z).mul(Expr.input(4)).add(z.mul(n)));
      }
    };
  }

  private static Program lstm(boolean masked) {
    Expr c = Expr.input(1).mul(Expr.input(5)).add(Expr.input(0).mul(Expr.input(2)));
    return states(4, masked, Expr.input(3).mul(c.tanh()), c);
  }

  /** @param first the number of the first old state among the inputs */
  private static Program states(int first, boolean masked, Expr... next) {
    int inputs = first + next.length;
    if (!masked) {
      return Program.of(inputs, next);
    }
    Expr[] kept = new Expr[next.length];
    Arrays.setAll(kept, k -> Expr.input(inputs, Kind.BOOL).where(next[k], Expr.input(first + k)));
    return Program.of(inputs + 1, kept);
  }
}
