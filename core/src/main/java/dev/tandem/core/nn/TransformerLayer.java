package dev.tandem.core.nn;

import dev.tandem.core.tensor.Tensor;
import java.util.function.UnaryOperator;

/** What layers of encoders and decoders share: attention to the sequence itself, the feed-forward part, and how parts are added. */
abstract sealed class TransformerLayer extends Block permits TransformerEncoderLayer, TransformerDecoderLayer {
  final MultiHeadAttention selfAttention;
  private final TransformerOptions options;
  private final Linear linear1;
  private final Linear linear2;
  private final Dropout dropout;

  TransformerLayer(TransformerOptions options) {
    this.options = options;
    selfAttention =
        child("self_attn", new MultiHeadAttention(options.features(), options.heads(), options.dropout()));
    linear1 = child("linear1", new Linear(options.features(), options.feedForward()));
    linear2 = child("linear2", new Linear(options.feedForward(), options.features()));
    dropout = child("dropout", new Dropout(options.dropout()));
  }

  /** The {@code number}-th normalisation, counted from 1. */
  final LayerNorm norm(int number) {
    return child("norm" + number, new LayerNorm(options.features()));
  }

  /** Adds what {@code part} makes of x, normalised before or after. */
  final Tensor plus(Tensor x, LayerNorm norm, UnaryOperator<Tensor> part) {
    return options.preNorm()
        ? x.add(dropout.apply(part.apply(norm.apply(x))))
        : norm.apply(x.add(dropout.apply(part.apply(x))));
  }

  final Tensor feedForward(Tensor x) {
    return linear2.apply(dropout.apply(options.activation().apply(linear1.apply(x))));
  }
}
