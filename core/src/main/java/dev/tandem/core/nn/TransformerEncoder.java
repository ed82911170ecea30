package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Layers of {@link TransformerEncoderLayer}: {@code [N, T, E] -> [N, T, E]}, with {@code layers.0.*} and so on as state. If their parts
 * normalise their inputs, a last normalisation {@code norm.*} follows, as nothing else would bound the sums. As a module it attends to
 * all steps.
 */
public final class TransformerEncoder extends Module {
  private final BlockList<TransformerEncoderLayer> layers;
  private final @Nullable LayerNorm norm;

  public TransformerEncoder(int layers, TransformerOptions options) {
    this.layers = child("layers", new BlockList<>(layers, () -> new TransformerEncoderLayer(options)));
    norm = options.preNorm() ? child("norm", new LayerNorm(options.features())) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(x, null, false);
  }

  /**
   * @param keyPadding BOOL {@code [N, T]}, true for steps that none may attend to; null for none
   * @param causal whether a step may attend only to itself and those before it
   */
  public Tensor apply(Tensor x, @Nullable Tensor keyPadding, boolean causal) {
    return frame(() -> through(x, keyPadding, causal));
  }

  private Tensor through(Tensor x, @Nullable Tensor keyPadding, boolean causal) {
    Tensor y = x;
    for (TransformerEncoderLayer layer : layers.blocks()) {
      y = layer.apply(y, keyPadding, causal);
    }
    return norm == null ? y : norm.apply(y);
  }
}
