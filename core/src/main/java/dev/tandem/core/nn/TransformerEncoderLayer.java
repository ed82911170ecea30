package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention of a sequence to itself, then two linear layers on every step: {@code [N, T, E] -> [N, T, E]}: Vaswani et al. 2017. State
 * as in PyTorch: {@code self_attn.*, linear1.*, linear2.*, norm1.*, norm2.*}. Causal, it is a layer of a decoder that has no encoder.
 */
public final class TransformerEncoderLayer extends TransformerLayer {
  private final LayerNorm norm1;
  private final LayerNorm norm2;

  public TransformerEncoderLayer(TransformerOptions options) {
    super(options);
    norm1 = norm(1);
    norm2 = norm(2);
  }

  /**
   * @param keyPadding BOOL {@code [N, T]}, true for steps that none may attend to; null for none
   * @param causal whether a step may attend only to itself and those before it
   */
  public Tensor apply(Tensor x, @Nullable Tensor keyPadding, boolean causal) {
    return frame(() -> {
      Tensor attended = plus(x, norm1, y -> selfAttention.apply(y, keyPadding, causal));
      return plus(attended, norm2, this::feedForward);
    });
  }
}
