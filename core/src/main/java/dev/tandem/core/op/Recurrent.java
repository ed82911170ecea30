package dev.tandem.core.op;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A whole sequence through one layer of recurrent cells in one direction:
 *
 * <pre>{@code
 * x [T, N, I], h0 [N, H], (c0 [N, H]), weightIh [G*H, I], weightHh [G*H, H], biasIh [G*H], biasHh [G*H], (lengths [N] I32)
 *   -> y [T, N, H], hN [N, H], (cN [N, H])
 * }</pre>
 *
 * <p>with c0 and cN for an LSTM and lengths if {@link #masked}. Steps at or beyond a sequence's length leave its states as they are
 * and give y = 0; a length counts as 0 below that and as T above that. In reverse a sequence begins at its own last step.
 *
 * <p>All floats are F32 (or all F64): a state that is carried over many steps loses too much in BF16.
 *
 * <p>The outputs behind these are the memory from a forward pass that its gradient may use: what they hold is the business of the
 * backend that computes both. They have room for the gates after activation {@code [T, N, G*H]} and for what else a step's gradient
 * reads, {@code [T, N, H]}: an LSTM's cell states, a GRU's {@code W_hn h + b_hn}. A plain RNN needs neither.
 *
 * @param reverse whether time runs from the last step to the first
 * @param masked whether the last operand is the lengths
 * @param tf32 as in {@link Product}
 */
public record Recurrent(Cell cell, boolean reverse, boolean masked, boolean tf32) implements Composite, Product {
  public Recurrent(Cell cell, boolean reverse, boolean masked) {
    this(cell, reverse, masked, false);
  }

  /** What happens in one step. Gates lie in the weights in the order given here. */
  public enum Cell {
    /** {@code h' = tanh(W_i x + b_i + W_h h + b_h)}. */
    RNN_TANH(1),
    /** {@code h' = relu(W_i x + b_i + W_h h + b_h)}. */
    RNN_RELU(1),
    /** Gates i, f, g, o: {@code c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')}: Hochreiter and Schmidhuber 1997
     * with the forget gate of Gers et al. 2000. */
    LSTM(4),
    /** Gates r, z, n: {@code n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h}, the form of cuDNN and PyTorch. */
    GRU(3),
    /** Gates r, z, n: {@code n = tanh(W_in x + b_in + W_hn (r h) + b_hn), h' = (1 - z) h + z n}: Cho et al., Learning phrase
     * representations using RNN encoder-decoder, 2014, with z and 1 - z as in Chung et al. 2014. */
    GRU_RESET_BEFORE(3);

    private final int gates;

    Cell(int gates) {
      this.gates = gates;
    }

    /** G: how many times H rows the weights have. */
    public int gates() {
      return gates;
    }

    /** How many states [N, H] a step hands to the next: 2 for an LSTM, h and c. */
    public int states() {
      return this == LSTM ? 2 : 1;
    }
  }

  @Override
  public Recurrent withTf32(boolean rounded) {
    return new Recurrent(cell, reverse, masked, rounded);
  }

  /** The position of weightIh among the operands; weightHh, biasIh, biasHh and the lengths follow. */
  public int weights() {
    return 1 + cell.states();
  }

  /** How many operands there are. */
  public int operands() {
    return weights() + 4 + (masked ? 1 : 0);
  }

  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, operands(), "x, h0, " + (cell == Cell.LSTM ? "c0, " : "") + "two weights, two biases"
        + (masked ? ", lengths" : ""));
    int w = weights();
    DType type = Op.sameWide(in.subList(0, w + 4));
    Shape x = in.get(0).shape();
    ShapeException.require(x.rank() == 3, "x must be [T, N, I]: steps, sequences, features");
    ShapeException.require(x.dim(0) > 0, "x [T, N, I] must have at least one step");
    Shape h0 = in.get(1).shape();
    ShapeException.require(h0.rank() == 2 && h0.dim(0) == x.dim(1) && h0.dim(1) > 0,
        "h0 must be [N, H] with N = " + x.dim(1) + " sequences, as x has them");
    int hidden = h0.dim(1);
    int rows = cell.gates() * hidden;
    if (cell == Cell.LSTM) {
      wants(in, 2, "c0", h0, "as h0");
    }
    wants(in, w, "weightIh", Shape.of(rows, x.dim(2)), "[" + cell.gates() + " H, I]");
    wants(in, w + 1, "weightHh", Shape.of(rows, hidden), "[" + cell.gates() + " H, H]");
    wants(in, w + 2, "biasIh", Shape.of(rows), "[" + cell.gates() + " H]");
    wants(in, w + 3, "biasHh", Shape.of(rows), "[" + cell.gates() + " H]");
    if (masked) {
      wants(in, w + 4, "lengths", Shape.of(x.dim(1)), "one per sequence");
      if (in.get(w + 4).dtype() != DType.I32) {
        throw new ShapeException(
            "lengths must be I32, not " + in.get(w + 4).dtype() + "; convert with to(DType.I32)");
      }
    }
    Spec steps = new Spec(x.with(2, hidden), type);
    Spec state = new Spec(h0, type);
    Spec gates = new Spec(x.with(2, rows), type);
    return switch (cell) {
      case RNN_TANH, RNN_RELU -> List.of(steps, state);
      case LSTM -> List.of(steps, state, state, gates, steps);
      case GRU -> List.of(steps, state, gates, steps);
      case GRU_RESET_BEFORE -> List.of(steps, state, gates);
    };
  }

  private static void wants(List<Spec> in, int operand, String what, Shape wanted, String why) {
    if (!in.get(operand).shape().equals(wanted)) {
      throw new ShapeException(what + " must be " + wanted + " (" + why + "), not " + in.get(operand).shape());
    }
  }

  @Override
  public int results(int outputs) {
    return 1 + cell.states();
  }

  @Override
  public Composite gradient() {
    return new RecurrentGrad(this);
  }

  /** Everything: inputs, outputs, gradients of the results. */
  @Override
  public <T> List<T> gradientOperands(List<T> in, List<T> out, List<T> gradients) {
    List<T> all = new ArrayList<>(in);
    all.addAll(out);
    all.addAll(gradients.subList(0, results(out.size())));
    return all;
  }

  /** All inputs but the lengths. */
  @Override
  public List<Integer> gradientTargets() {
    return IntStream.range(0, weights() + 4).boxed().toList();
  }
}
