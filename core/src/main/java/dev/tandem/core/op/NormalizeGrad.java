package dev.tandem.core.op;

import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * {@code x, (weight), mean, variance, gradY -> gradX, (gradWeight, gradBias)}. With n elements under the axes of {@code forward},
 * normalised {@code z = (x - mean) / sqrt(variance + eps)} and {@code g = gradY * weight},
 *
 * <pre>{@code
 * gradX = (g - sum(g) / n - z * sum(g * z) / n) / sqrt(variance + eps)
 * }</pre>
 *
 * <p>the sums over the axes; gradWeight and gradBias are the sums of {@code gradY * z} and of gradY over the axes along which the
 * weight is repeated. gradX has the dtype of x and gradY. (Ioffe and Szegedy, Batch normalization, ICML 2015, section 3, simplified.)
 */
public record NormalizeGrad(Normalize forward) implements Composite {
  @Override
  public List<Spec> outputs(List<Spec> in) {
    Op.arity(in, forward.affine() ? 5 : 4,
        "x, " + (forward.affine() ? "weight, " : "") + "mean, variance and gradient of y");
    Op.sameFloat(List.of(in.getFirst(), in.getLast()));
    return forward.affine() ? List.of(in.get(0), in.get(1), in.get(1)) : List.of(in.get(0));
  }
}
