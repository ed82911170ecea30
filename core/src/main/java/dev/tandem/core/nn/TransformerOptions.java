package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * What the layers of a transformer are made like: {@code TransformerOptions.of(512, 8).withPreNorm(true)}.
 *
 * @param features E, of every step of a sequence
 * @param heads of attention; they divide E
 * @param feedForward features between the two linear layers
 * @param dropout probability of a zero in attention weights, in the feed-forward part, and in what each part adds to its input
 * @param preNorm whether a part's input is normalised ({@code x + f(norm(x))}: Xiong et al. 2020) instead of its sum
 *     ({@code norm(x + f(x))}: Vaswani et al. 2017)
 * @param activation between the two linear layers, such as {@code Activations::gelu}
 */
public record TransformerOptions(int features, int heads, int feedForward, double dropout, boolean preNorm,
    UnaryOperator<Tensor> activation) {
  /** As in Vaswani et al. 2017: four times the features in between, dropout 0.1, ReLU, normalised sums. */
  public static TransformerOptions of(int features, int heads) {
    return new TransformerOptions(features, heads, 4 * features, 0.1, false, Activations::relu);
  }

  public TransformerOptions withFeedForward(int size) {
    return new TransformerOptions(features, heads, size, dropout, preNorm, activation);
  }

  public TransformerOptions withDropout(double p) {
    return new TransformerOptions(features, heads, feedForward, p, preNorm, activation);
  }

  public TransformerOptions withPreNorm(boolean first) {
    return new TransformerOptions(features, heads, feedForward, dropout, first, activation);
  }

  public TransformerOptions withActivation(UnaryOperator<Tensor> function) {
    return new TransformerOptions(features, heads, feedForward, dropout, preNorm, function);
  }
}
