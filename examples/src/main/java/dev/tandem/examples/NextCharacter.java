package dev.tandem.examples;

import dev.tandem.core.data.CharacterVocabulary;
import dev.tandem.core.nn.Loss;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Metric;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/** What models that guess the next character have in common: logits F32[N, T, symbols] against I32[N, T]. */
final class NextCharacter {
  private static final String PROMPT = "The whale ";
  private static final int WRITTEN = 200;
  /** Below 1 for likelier characters than the model's own guesses would give: fewer words that are none. */
  private static final double TEMPERATURE = 0.7;

  private record Bits(Loss loss) implements Metric {
    @Override
    public String name() {
      return "bits per character";
    }

    @Override
    public Tensor total(Tensor logits, Tensor next) {
      return loss.apply(logits, next).mul(next.shape().dim(0) / Math.log(2));
    }
  }

  private NextCharacter() {
  }

  /** Mean cross entropy in nats per character. */
  static Loss loss() {
    Loss crossEntropy = Losses.crossEntropy();
    return (logits, next) -> crossEntropy.apply(logits.transpose(1, 2), next);
  }

  /** The loss in bits: how long the text would be, per character, if it were compressed by these guesses. */
  static Metric bits() {
    return new Bits(loss());
  }

  /**
   * Text that a model writes: a prompt, then one drawn character after another.
   *
   * @param guess from all symbols so far to the logits of the next, F32[1, symbols]
   */
  static String write(CharacterVocabulary vocabulary, long seed, Function<int[], Tensor> guess) {
    var random = new SplittableRandom(seed);
    int[] text = vocabulary.encode(PROMPT);
    for (int i = 0; i < WRITTEN; i++) {
      int next = draw(guess.apply(text).toArray(), random);
      text = Arrays.copyOf(text, text.length + 1);
      text[text.length - 1] = next;
    }
    return vocabulary.decode(text).indent(4).stripTrailing();
  }

  /**
   * A symbol drawn from softmax(logits / temperature), by the Gumbel-max trick: with the noise -log(-log u) added, each
   * is the largest as often as its probability says.
   */
  private static int draw(float[] logits, RandomGenerator random) {
    int drawn = 0;
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < logits.length; i++) {
      double noisy = logits[i] / TEMPERATURE - Math.log(-Math.log(random.nextDouble()));
      if (noisy > largest) {
        largest = noisy;
        drawn = i;
      }
    }
    return drawn;
  }
}
