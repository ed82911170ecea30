package dev.tandem.core.nn;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@code shortcut(x) + body(x)}: He et al., Deep residual learning for image recognition, 2016. State: {@code body.*} and, if there is
 * one, {@code shortcut.*}.
 */
public final class Residual extends Module {
  private final Module body;
  private final @Nullable Module shortcut;

  /** {@code x + body(x)}. */
  public Residual(Module body) {
    this(body, null);
  }

  /** @param shortcut brings x to the shape of the body's result, such as a convolution with kernel 1; null for x itself */
  public Residual(Module body, @Nullable Module shortcut) {
    this.body = child("body", body);
    this.shortcut = shortcut == null ? null : child("shortcut", shortcut);
  }

  @Override
  protected Tensor forward(Tensor x) {
    Tensor y = body.apply(x);
    Tensor passed = shortcut == null ? x : shortcut.apply(x);
    if (!passed.shape().equals(y.shape())) {
      throw new ShapeException(name() + " of " + x + ": the body gives " + y.shape() + " and the shortcut "
          + passed.shape() + (shortcut == null ? "; give it a shortcut that fits" : ""));
    }
    return passed.add(y);
  }
}
