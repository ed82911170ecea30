package dev.tandem.core.nn;

import dev.tandem.core.op.Recurrent;
import dev.tandem.core.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gated recurrent units with gates r, z, n, in that order in the weights. As a module it gives the output sequence:
 * {@code [T, N, I] -> [T, N, D*H]}, batch first {@code [N, T, I] -> [N, T, D*H]}, from zero states.
 */
public final class Gru extends RecurrentLayer {
  /** Where the reset gate acts. Both have the same weights, and mean different things by them. */
  public enum Reset {
    /** On the product: {@code n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h}, as in PyTorch and cuDNN. */
    AFTER,
    /** On the state: {@code n = tanh(W_in x + b_in + W_hn (r h) + b_hn), h' = (1 - z) h + z n}, as published: Cho et al. 2014,
     * Chung et al. 2014. */
    BEFORE
  }

  /** With {@link Reset#AFTER}. */
  public Gru(int inputSize, int hiddenSize) {
    this(inputSize, hiddenSize, RecurrentOptions.DEFAULT);
  }

  /** With {@link Reset#AFTER}. */
  public Gru(int inputSize, int hiddenSize, RecurrentOptions options) {
    this(inputSize, hiddenSize, Reset.AFTER, options);
  }

  public Gru(int inputSize, int hiddenSize, Reset reset, RecurrentOptions options) {
    super(switch (reset) {
      case AFTER -> Recurrent.Cell.GRU;
      case BEFORE -> Recurrent.Cell.GRU_RESET_BEFORE;
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
