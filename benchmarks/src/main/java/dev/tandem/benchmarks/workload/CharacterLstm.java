package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Lstm;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.RecurrentOptions;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Tensor;

/**
 * A character model: embeddings of 64 for an alphabet of 96, one LSTM, a dense layer, trained with Adam.
 *
 * @param hidden features of the LSTM
 * @param size steps of each sequence
 */
public record CharacterLstm(String name, int hidden, int batch, int size) implements Workload {
  private static final int SYMBOLS = 96;
  private static final int EMBEDDING = 64;

  private static final class Model extends Module {
    private final Embedding embedding = child("embedding", new Embedding(SYMBOLS, EMBEDDING));
    private final Lstm lstm;
    private final Linear output;

    Model(int hidden) {
      lstm = child("lstm", new Lstm(EMBEDDING, hidden, RecurrentOptions.DEFAULT.withBatchFirst(true)));
      output = child("output", new Linear(hidden, SYMBOLS));
    }

    @Override
    protected Tensor forward(Tensor symbols) {
      return output.apply(lstm.apply(embedding.apply(symbols)));
    }
  }

  @Override
  public String description() {
    return "character LSTM, embedding 64, hidden " + hidden + ", " + size + " steps, Adam, batch " + batch;
  }

  @Override
  public Workload withBatch(int samples) {
    return new CharacterLstm(name, hidden, samples, size);
  }

  @Override
  public Workload withSize(int steps) {
    return new CharacterLstm(name, hidden, batch, steps);
  }

  @Override
  public Module model() {
    return new Model(hidden);
  }

  @Override
  public Optimizer optimizer() {
    return new Adam(1e-3);
  }

  @Override
  public Batch data() {
    return Batch.of(new SplitMix64(INPUTS).integers(SYMBOLS, batch, size),
        new SplitMix64(LABELS).integers(SYMBOLS, batch, size));
  }

  @Override
  public String items() {
    return "tokens";
  }

  @Override
  public long itemsPerStep() {
    return (long) batch * size;
  }

  @Override
  public long multiplyAdds() {
    return itemsPerStep() * hidden * (4L * (EMBEDDING + hidden) + SYMBOLS);
  }

  /** None: what the LSTM reads are weights, the embeddings. */
  @Override
  public long firstMultiplyAdds() {
    return 0;
  }
}
