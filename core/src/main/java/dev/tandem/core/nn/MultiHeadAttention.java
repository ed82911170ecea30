package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code softmax(Q K^T / sqrt(d)) V} in several heads of d = E / heads features: Vaswani et al., Attention is all you need, 2017,
 * section 3.2. Queries {@code [N, T, E]}, keys and values {@code [N, S, E] -> [N, T, E]}. State as in PyTorch: {@code in_proj_weight
 * [3E, E]} and {@code in_proj_bias [3E]} for queries, keys, values; {@code out_proj.weight [E, E]}, {@code out_proj.bias [E]}.
 */
public final class MultiHeadAttention extends Block {
  /** Finite, so that a query whose keys are all masked attends evenly to all instead of to NaN. */
  private static final Expr MASKED = Expr.constant(-Float.MAX_VALUE);

  private final int features;
  private final int heads;
  private final Parameter inProjWeight;
  private final Parameter inProjBias;
  private final Linear outProj;
  private final Dropout dropout;

  /** Without dropout. */
  public MultiHeadAttention(int features, int heads) {
    this(features, heads, 0);
  }

  /** Projections begin as in PyTorch: those of the input Glorot uniform with zero bias, that of the output as a {@link Linear} with zero
   * bias.
   *
   * @param features E, a multiple of {@code heads}
   * @param dropout probability that a query misses a key, in training
   */
  public MultiHeadAttention(int features, int heads, double dropout) {
    if (features < 1 || heads < 1 || features % heads != 0) {
      throw new ShapeException(
          "MultiHeadAttention of " + features + " features in " + heads + " heads; they must divide evenly");
    }
    this.features = features;
    this.heads = heads;
    inProjWeight = parameter("in_proj_weight", Initializers.glorotUniform(), 3 * features, features);
    inProjBias = parameter("in_proj_bias", Initializers.zeros(), 3 * features);
    outProj = child("out_proj", new Linear(features, features, Initializers.torchLinear(), Initializers.zeros()));
    this.dropout = child("dropout", new Dropout(dropout));
  }

  /** Attention of a sequence to itself. */
  public Tensor apply(Tensor x, @Nullable Tensor keyPadding, boolean causal) {
    return apply(x, x, x, keyPadding, causal);
  }

  /** Attention of queries to all keys. */
  public Tensor apply(Tensor query, Tensor key, Tensor value) {
    return apply(query, key, value, null, false);
  }

  /**
   * @param keyPadding BOOL {@code [N, S]}, true for keys that no query may attend to; null for none. If it leaves a query no key at all,
   *     that query attends evenly to all
   * @param causal whether query t may attend to keys 0 to t only
   */
  public Tensor apply(Tensor query, Tensor key, Tensor value, @Nullable Tensor keyPadding, boolean causal) {
    return frame(() -> forward(query, key, value, keyPadding, causal));
  }

  private Tensor forward(Tensor query, Tensor key, Tensor value, @Nullable Tensor keyPadding, boolean causal) {
    check(query, key, value, keyPadding);
    List<Tensor> projected = projected(query, key, value);
    Tensor q = headsFirst(projected.get(0));
    Tensor k = headsFirst(projected.get(1));
    Tensor v = headsFirst(projected.get(2));
    Tensor weights = masked(q.matmul(k.transpose(-1, -2)), keyPadding, causal).softmax(-1);
    return outProj.apply(dropout.apply(weights).matmul(v).transpose(1, 2).reshape(query.shape().dims()));
  }

  /** Queries, keys and values, with one product for those that are the same tensor. */
  private List<Tensor> projected(Tensor query, Tensor key, Tensor value) {
    List<Tensor> parts = new ArrayList<>();
    if (query == key && key == value) {
      parts.addAll(project(query, 0, 3));
    } else {
      parts.addAll(project(query, 0, 1));
      if (key == value) {
        parts.addAll(project(key, 1, 2));
      } else {
        parts.addAll(project(key, 1, 1));
        parts.addAll(project(value, 2, 1));
      }
    }
    return parts;
  }

  private List<Tensor> project(Tensor x, int from, int count) {
    Tensor weight = inProjWeight.tensor();
    Tensor bias = inProjBias.tensor();
    if (count < 3) {
      weight = weight.slice(0, from * features, (from + count) * features);
      bias = bias.slice(0, from * features, (from + count) * features);
    }
    return x.matmul(weight.transpose(0, 1)).add(bias).split(features, 2);
  }

  /** {@code [N, T, E] -> [N, heads, T, d]}. */
  private Tensor headsFirst(Tensor x) {
    return x.reshape(x.shape().dim(0), x.shape().dim(1), heads, features / heads).transpose(1, 2);
  }

  private Tensor masked(Tensor scores, @Nullable Tensor keyPadding, boolean causal) {
    List<Tensor> in = new ArrayList<>(List.of(scores));
    Expr score = Expr.input(0).mul(Expr.argument(0));
    int keys = scores.shape().dim(3);
    if (causal) {
      int queries = scores.shape().dim(2);
      score = Expr.input(1, Kind.INT).less(Expr.input(2, Kind.INT)).where(MASKED, score);
      in.add(Tensor.arange(scores.device(), queries).reshape(queries, 1));
      in.add(Tensor.arange(scores.device(), keys));
    }
    if (keyPadding != null) {
      score = Expr.input(in.size(), Kind.BOOL).where(MASKED, score);
      in.add(keyPadding.reshape(keyPadding.shape().dim(0), 1, 1, keys));
    }
    Launch scale = Launch.of(1 / Math.sqrt(features / heads));
    return Tensor.pointwise("scores", Program.of(in.size(), score), scale, in.toArray(Tensor[]::new));
  }

  private void check(Tensor query, Tensor key, Tensor value, @Nullable Tensor keyPadding) {
    Shape q = query.shape();
    if (q.rank() != 3 || q.dim(2) != features) {
      throw mistake(query, key, value, "queries must be [N, T, " + features + "]");
    }
    Shape k = key.shape();
    if (k.rank() != 3 || k.dim(0) != q.dim(0) || k.dim(2) != features || !value.shape().equals(k)) {
      throw mistake(query, key, value,
          "keys and values must both be [" + q.dim(0) + ", S, " + features + "], with N and E of the queries");
    }
    if (keyPadding != null
        && (!keyPadding.shape().equals(Shape.of(k.dim(0), k.dim(1))) || keyPadding.dtype() != DType.BOOL)) {
      throw mistake(query, key, value, "key padding must be BOOL[" + k.dim(0) + ", " + k.dim(1)
          + "], true where a key is padding, not " + keyPadding);
    }
  }

  private ShapeException mistake(Tensor query, Tensor key, Tensor value, String what) {
    return new ShapeException(name() + " of " + query + ", " + key + ", " + value + ": " + what);
  }
}
