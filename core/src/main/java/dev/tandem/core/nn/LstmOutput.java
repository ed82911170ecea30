package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;

/**
 * What an {@link Lstm} made of sequences.
 *
 * @param output hidden states of the last layer, {@code [T, N, D*H]} or, batch first, {@code [N, T, D*H]}; forward direction first
 * @param h hidden state of each layer and direction after its last step, {@code [L*D, N, H]}
 * @param c cell state likewise
 */
public record LstmOutput(Tensor output, Tensor h, Tensor c) {
}
