package dev.tandem.core.nn;

import dev.tandem.core.op.Recurrent;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Long short-term memory with gates i, f, g, o, in that order in the weights: {@code c' = sigmoid(f) c + sigmoid(i) tanh(g),
 * h' = sigmoid(o) tanh(c')}: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000. As a module it gives the output
 * sequence: {@code [T, N, I] -> [T, N, D*H]}, batch first {@code [N, T, I] -> [N, T, D*H]}, from zero states.
 *
 * <pre>{@code
 * new Sequential(new Lstm(28, 128, RecurrentOptions.DEFAULT.withBatchFirst(true)), new LastStep(1), new Linear(128, 10))
 * }</pre>
 */
public final class Lstm extends RecurrentLayer {
  public Lstm(int inputSize, int hiddenSize) {
    this(inputSize, hiddenSize, RecurrentOptions.DEFAULT);
  }

  public Lstm(int inputSize, int hiddenSize, RecurrentOptions options) {
    super(Recurrent.Cell.LSTM, inputSize, hiddenSize, options);
  }

  /** The output sequence and the last states.
   *
   * @param h0 initial hidden states {@code [L*D, N, H]}; null for zeros
   * @param c0 initial cell states {@code [L*D, N, H]}; null for zeros
   * @param lengths steps of each sequence, I32 [N]: outputs behind them are 0, and the backward direction begins at each sequence's own
   *     last step; null if all are T long
   */
  public LstmOutput apply(Tensor x, @Nullable Tensor h0, @Nullable Tensor c0, @Nullable Tensor lengths) {
    List<Tensor> out = run(x, Arrays.asList(h0, c0), lengths);
    return new LstmOutput(out.get(0), out.get(1), out.get(2));
  }
}
