package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Layers of {@link TransformerDecoderLayer}: target {@code [N, T, E]}, memory {@code [N, S, E] -> [N, T, E]}, with {@code layers.0.*}
 * and so on as state. If their parts normalise their inputs, a last normalisation {@code norm.*} follows.
 */
public final class TransformerDecoder extends Block {
  private final BlockList<TransformerDecoderLayer> layers;
  private final @Nullable LayerNorm norm;

  public TransformerDecoder(int layers, TransformerOptions options) {
    this.layers = child("layers", new BlockList<>(layers, () -> new TransformerDecoderLayer(options)));
    norm = options.preNorm() ? child("norm", new LayerNorm(options.features())) : null;
  }

  /**
   * @param memory what the encoder made of its sequence
   * @param targetPadding BOOL {@code [N, T]}, true for steps of the target that none may attend to; null for none
   * @param memoryPadding BOOL {@code [N, S]}, likewise
   * @param causal whether a step of the target may attend only to itself and those before it
   */
  public Tensor apply(Tensor target, Tensor memory, @Nullable Tensor targetPadding, @Nullable Tensor memoryPadding,
      boolean causal) {
    return frame(() -> {
      Tensor y = target;
      for (TransformerDecoderLayer layer : layers.blocks()) {
        y = layer.apply(y, memory, targetPadding, memoryPadding, causal);
      }
      return norm == null ? y : norm.apply(y);
    });
  }
}
