package dev.tandem.examples;

import dev.tandem.core.data.CharacterVocabulary;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Lstm;
import dev.tandem.core.nn.LstmOutput;
import dev.tandem.core.nn.RecurrentOptions;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An LSTM learns to write like Melville, one character at a time: A. Graves, Generating sequences with recurrent neural
 * networks, 2013. Errors are carried back through windows of 64 characters, each from zero states.
 */
public final class CharacterLstm implements Example {
  private static final int WINDOW = 64;
  private static final int HIDDEN = 256;

  /** Remembers what it read in its states, so that of a growing text only what is new goes through the model. */
  private static final class Reader {
    private final Embedding embedding;
    private final Lstm lstm;
    private final Linear output;
    private @Nullable Tensor h;
    private @Nullable Tensor c;
    private int read;

    Reader(Embedding embedding, Lstm lstm, Linear output) {
      this.embedding = embedding;
      this.lstm = lstm;
      this.output = output;
    }

    Tensor next(int[] symbols) {
      int[] unread = Arrays.copyOfRange(symbols, read, symbols.length);
      LstmOutput y = lstm.apply(embedding.apply(Tensor.of(lstm.device(), unread, 1, unread.length)), h, c, null);
      read = symbols.length;
      h = y.h();
      c = y.c();
      return output.apply(y.output().select(1, -1));
    }
  }

  @Override
  public String name() {
    return "lstm";
  }

  @Override
  public String description() {
    return "an LSTM writes like Melville, one character at a time";
  }

  @Override
  public int epochs() {
    return 5;
  }

  @Override
  public int batch() {
    return 32;
  }

  @Override
  public void run(Session session) throws IOException {
    MobyDick book = MobyDick.read(session, WINDOW);
    CharacterVocabulary vocabulary = book.vocabulary();

    var embedding = new Embedding(vocabulary.size(), 64);
    var lstm = new Lstm(64, HIDDEN, RecurrentOptions.DEFAULT.withBatchFirst(true));
    var output = new Linear(HIDDEN, vocabulary.size());
    var trainer = Trainer.of(new Sequential(embedding, lstm, output), NextCharacter.loss(), new Adam(4e-3)).clipNorm(1)
        .metric(NextCharacter.bits());
    session.fit(trainer, book.train().batches(session.batch()).shuffled().seed(session.seed()).dropLast(),
        book.validation().batches(128), epoch -> session.print(NextCharacter.write(vocabulary,
            session.seed() + epoch.epoch(), new Reader(embedding, lstm, output)::next)));
  }
}
