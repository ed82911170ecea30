package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.random.RandomGenerator;

/** Adds to each step of a sequence a vector that tells its position: {@code [..., T, D] -> [..., T, D]}. */
public final class PositionalEncoding extends Module {
  private final Parameter table;

  private PositionalEncoding(boolean learned, int features, int maxLength) {
    if (features < 1 || maxLength < 1) {
      throw new ShapeException(
          "PositionalEncoding of " + maxLength + " steps in " + features + " features; both must be positive");
    }
    table = learned
        ? parameter("weight", Initializers.normal(0, 0.02), maxLength, features)
        : buffer("pe", PositionalEncoding::sinusoids, maxLength, features);
  }

  /** Sines of wavelengths from 2π to 10000 · 2π at even features, cosines at odd ones: Vaswani et al., Attention is all you need,
   * 2017, section 3.5. Kept as buffer {@code pe [maxLength, D]}.
   *
   * @param maxLength the longest sequence, T at most
   */
  public static PositionalEncoding sinusoidal(int features, int maxLength) {
    return new PositionalEncoding(false, features, maxLength);
  }

  /** A trained vector for each position, {@code weight [maxLength, D]}, at first normal with standard deviation 0.02 as in BERT.
   *
   * @param maxLength the longest sequence, T at most
   */
  public static PositionalEncoding learned(int features, int maxLength) {
    return new PositionalEncoding(true, features, maxLength);
  }

  private static void sinusoids(float[] values, Shape shape, RandomGenerator random) {
    int features = shape.dim(1);
    for (int i = 0; i < values.length; i++) {
      int feature = i % features;
      double angle = i / features / Math.pow(10_000, (feature - feature % 2) / (double) features);
      values[i] = (float) (feature % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
    }
  }

  @Override
  protected Tensor forward(Tensor x) {
    Shape shape = x.shape();
    int most = table.shape().dim(0);
    int features = table.shape().dim(1);
    if (shape.rank() < 2 || shape.dim(-1) != features) {
      throw new ShapeException(name() + " of " + x + ": the input must be [..., T, " + features + "]");
    }
    int steps = shape.dim(-2);
    if (steps > most) {
      throw new ShapeException(
          name() + " of " + x + ": " + steps + " steps, but only " + most + " positions; make it with more");
    }
    return x.add(steps == most ? table.tensor() : table.tensor().slice(0, 0, steps));
  }
}
