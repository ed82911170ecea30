package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import java.util.random.RandomGenerator;

/** Gives a parameter its first values, on the host, so that every device starts alike. */
@FunctionalInterface
public interface Initializer {
  /** Fills {@code values}, row-major elements of {@code shape}.
   *
   * @param random of this parameter alone, seeded by the run's seed and the parameter's path
   */
  void fill(float[] values, Shape shape, RandomGenerator random);
}
