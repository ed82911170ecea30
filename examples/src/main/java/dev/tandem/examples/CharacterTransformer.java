package dev.tandem.examples;

import dev.tandem.core.data.CharacterVocabulary;
import dev.tandem.core.nn.Activations;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Initializers;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.PositionalEncoding;
import dev.tandem.core.nn.TransformerEncoder;
import dev.tandem.core.nn.TransformerOptions;
import dev.tandem.core.optim.AdamW;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * A small transformer learns to write like Melville: a decoder alone, in which every character attends to those before
 * it, as in A. Radford et al., Improving language understanding by generative pre-training, 2018.
 */
public final class CharacterTransformer implements Example {
  private static final int CONTEXT = 64;
  private static final int FEATURES = 128;
  private static final int HEADS = 4;
  private static final int LAYERS = 3;

  /** Symbols I32[N, T] to logits F32[N, T, symbols]. */
  private static final class Decoder extends Module {
    private final Embedding embedding;
    private final PositionalEncoding position;
    private final TransformerEncoder layers;
    private final Linear output;

    Decoder(int symbols) {
      embedding =
          child("embedding", new Embedding(symbols, FEATURES, OptionalInt.empty(), Initializers.normal(0, 0.02)));
      position = child("position", PositionalEncoding.learned(FEATURES, CONTEXT));
      layers = child("layers", new TransformerEncoder(LAYERS, TransformerOptions.of(FEATURES, HEADS).withPreNorm(true)
          .withActivation(Activations::gelu).withDropout(0)));
      output = child("output", new Linear(FEATURES, symbols));
    }

    @Override
    protected Tensor forward(Tensor symbols) {
      Tensor x = position.apply(embedding.apply(symbols));
      return output.apply(layers.apply(x, null, true));
    }
  }

  @Override
  public String name() {
    return "transformer";
  }

  @Override
  public String description() {
    return "a small transformer writes like Melville";
  }

  @Override
  public int epochs() {
    return 5;
  }

  @Override
  public int batch() {
    return 16;
  }

  @Override
  public void run(Session session) throws IOException {
    MobyDick book = MobyDick.read(session, CONTEXT);
    CharacterVocabulary vocabulary = book.vocabulary();

    var model = new Decoder(vocabulary.size());
    var trainer = Trainer.of(model, NextCharacter.loss(), new AdamW(2e-3, 0.01)).clipNorm(1)
        .schedule(Schedules.warmup(50, Schedules.constant())).metric(NextCharacter.bits());
    session.fit(trainer, book.train().batches(session.batch()).shuffled().seed(session.seed()).dropLast(),
        book.validation().batches(64), epoch -> session.print(NextCharacter.write(vocabulary,
            session.seed() + epoch.epoch(), symbols -> next(model, symbols))));
  }

  /** Guessed from as many of the last symbols as the model can see. */
  private static Tensor next(Decoder model, int[] symbols) {
    int[] seen = Arrays.copyOfRange(symbols, Math.max(0, symbols.length - CONTEXT), symbols.length);
    return model.apply(Tensor.of(model.device(), seen, 1, seen.length)).select(1, -1);
  }
}
