package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention of a sequence to itself, then to what an encoder made of another, then two linear layers on every step: target
 * {@code [N, T, E]}, memory {@code [N, S, E] -> [N, T, E]}: Vaswani et al. 2017. State as in PyTorch: {@code self_attn.*,
 * multihead_attn.*, linear1.*, linear2.*, norm1.*, norm2.*, norm3.*}.
 */
public final class TransformerDecoderLayer extends TransformerLayer {
  private final MultiHeadAttention attention;
  private final LayerNorm norm1;
  private final LayerNorm norm2;
  private final LayerNorm norm3;

  public TransformerDecoderLayer(TransformerOptions options) {
    super(options);
    attention =
        child("multihead_attn", new MultiHeadAttention(options.features(), options.heads(), options.dropout()));
    norm1 = norm(1);
    norm2 = norm(2);
    norm3 = norm(3);
  }

  /**
   * @param targetPadding BOOL {@code [N, T]}, true for steps of the target that none may attend to; null for none
   * @param memoryPadding BOOL {@code [N, S]}, likewise
   * @param causal whether a step of the target may attend only to itself and those before it
   */
  public Tensor apply(Tensor target, Tensor memory, @Nullable Tensor targetPadding, @Nullable Tensor memoryPadding,
      boolean causal) {
    return frame(() -> {
      Tensor self = plus(target, norm1, y -> selfAttention.apply(y, targetPadding, causal));
      Tensor both = plus(self, norm2, y -> attention.apply(y, memory, memory, memoryPadding, false));
      return plus(both, norm3, this::feedForward);
    });
  }
}
