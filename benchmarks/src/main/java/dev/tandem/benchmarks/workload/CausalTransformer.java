package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Activations;
import dev.tandem.core.nn.Embedding;
import dev.tandem.core.nn.Initializers;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.PositionalEncoding;
import dev.tandem.core.nn.TransformerEncoder;
import dev.tandem.core.nn.TransformerOptions;
import dev.tandem.core.optim.AdamW;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Tensor;
import java.util.OptionalInt;

/**
 * A decoder alone, in which every position attends to those before it (Radford et al., "Improving language
 * understanding by generative pre-training", 2018) with 10.8 million parameters: 6 layers of 384 features in 6 heads, 1536 in
 * between, GELU, normalised inputs, learned positions, an alphabet of 96, no dropout; trained with AdamW.
 *
 * @param size positions of each sequence, at most 256
 */
public record CausalTransformer(String name, int batch, int size) implements Workload {
  private static final int SYMBOLS = 96;
  private static final int CONTEXT = 256;
  private static final int FEATURES = 384;
  private static final int HEADS = 6;
  private static final int LAYERS = 6;
  private static final int FEED_FORWARD = 1536;

  public CausalTransformer {
    if (size > CONTEXT) {
      throw new IllegalArgumentException(name + " has " + CONTEXT + " positions, fewer than --size " + size);
    }
  }

  private static final class Model extends Module {
    private final Embedding embedding = child("embedding",
        new Embedding(SYMBOLS, FEATURES, OptionalInt.empty(), Initializers.normal(0, 0.02)));
    private final PositionalEncoding position = child("position", PositionalEncoding.learned(FEATURES, CONTEXT));
    private final TransformerEncoder encoder =
        child("encoder", new TransformerEncoder(LAYERS, TransformerOptions.of(FEATURES, HEADS)
            .withFeedForward(FEED_FORWARD).withPreNorm(true).withActivation(Activations::gelu).withDropout(0)));
    private final Linear output = child("output", new Linear(FEATURES, SYMBOLS));

    @Override
    protected Tensor forward(Tensor symbols) {
      return output.apply(encoder.apply(position.apply(embedding.apply(symbols)), null, true));
    }
  }

  @Override
  public String description() {
    return "causal transformer, 6 layers of 384 features, " + size + " positions, AdamW, batch " + batch;
  }

  @Override
  public Workload withBatch(int samples) {
    return new CausalTransformer(name, samples, size);
  }

  @Override
  public Workload withSize(int positions) {
    return new CausalTransformer(name, batch, positions);
  }

  @Override
  public Module model() {
    return new Model();
  }

  @Override
  public Optimizer optimizer() {
    return new AdamW(3e-4, 0.01);
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

  /** Of a token: four projections, its products with all keys and values, two dense layers; at last the logits. */
  @Override
  public long multiplyAdds() {
    long layer = 4L * FEATURES * FEATURES + 2L * size * FEATURES + 2L * FEATURES * FEED_FORWARD;
    return itemsPerStep() * (LAYERS * layer + FEATURES * SYMBOLS);
  }

  /** None: what the layers read are weights, the embeddings. */
  @Override
  public long firstMultiplyAdds() {
    return 0;
  }
}
