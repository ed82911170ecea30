package dev.tandem.core.nn;

import dev.tandem.core.op.Recurrent;
import dev.tandem.core.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Elman's recurrent network, {@code h' = tanh(W_ih x + b_ih + W_hh h + b_hh)}: Elman, Finding structure in time, 1990. As a module it
 * gives the output sequence: {@code [T, N, I] -> [T, N, D*H]}, batch first {@code [N, T, I] -> [N, T, D*H]}, from zero states.
 */
public final class Rnn extends RecurrentLayer {
  /** What a cell applies to its sum. */
  public enum Nonlinearity {
    TANH, RELU
  }

  public Rnn(int inputSize, int hiddenSize) {
    this(inputSize, hiddenSize, Nonlinearity.TANH, RecurrentOptions.DEFAULT);
  }

  public Rnn(int inputSize, int hiddenSize, RecurrentOptions options) {
    this(inputSize, hiddenSize, Nonlinearity.TANH, options);
  }

  public Rnn(int inputSize, int hiddenSize, Nonlinearity nonlinearity, RecurrentOptions options) {
    super(switch (nonlinearity) {
      case TANH -> Recurrent.Cell.RNN_TANH;
      case RELU -> Recurrent.Cell.RNN_RELU;
    }, inputSize, hiddenSize, options);
  }

  /** The output sequence and the last states.
   *
   * @param h0 initial states {@code [L*D, N, H]}; null for zeros
   * @param lengths steps of each sequence, I32 [N]: outputs behind them are 0, and the backward direction begins at each sequence's own
   *     last step; null if all are T long
   */
  public RecurrentOutput apply(Tensor x, @Nullable Tensor h0, @Nullable Tensor lengths) {
    List<Tensor> out = run(x, Collections.singletonList(h0), lengths);
    return new RecurrentOutput(out.get(0), out.get(1));
  }
}
