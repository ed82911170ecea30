package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code x [..., in] -> [..., out]}, {@code x W^T + b} with weight {@code [out, in]} and bias {@code [out]}. */
public final class Linear extends Module {
  private final int in;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With a bias; both parameters uniform between {@code ±1 / sqrt(in)}, as PyTorch has them. */
  public Linear(int in, int out) {
    this(in, out, true);
  }

  public Linear(int in, int out, boolean bias) {
    this(in, out, bias, Initializers.torchLinear());
  }

  public Linear(int in, int out, boolean bias, Initializer weightInit) {
    this(in, out, weightInit, bias ? Initializers.uniform(-1 / Math.sqrt(in), 1 / Math.sqrt(in)) : null);
  }

  /** @param biasInit null for no bias */
  public Linear(int in, int out, Initializer weightInit, @Nullable Initializer biasInit) {
    if (in < 1 || out < 1) {
      throw new ShapeException("Linear from " + in + " to " + out + " features; both must be positive");
    }
    this.in = in;
    weight = parameter("weight", weightInit, out, in);
    bias = biasInit == null ? null : parameter("bias", biasInit, out);
  }

  @Override
  protected Tensor forward(Tensor x) {
    Tensor product;
    try {
      product = x.matmul(weight.tensor().transpose(0, 1));
    } catch (ShapeException e) {
      Shape shape = x.shape();
      boolean unflattened = shape.rank() > 2 && shape.without(List.of(0)).size() == in;
      throw unflattened ? new ShapeException(e.getMessage() + "; put a Flatten before this layer", e) : e;
    }
    return bias == null ? product : product.add(bias.tensor());
  }
}
