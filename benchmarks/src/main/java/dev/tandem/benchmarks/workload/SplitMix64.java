package dev.tandem.benchmarks.workload;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;

/**
 * Synthetic data that any language makes alike, bit for bit. Element i of a stream is the i-th output of splitmix64
 * (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) from state {@code stream}: with
 * unsigned 64-bit arithmetic
 *
 * <pre>{@code
 * z = stream + (i + 1) * 0x9E3779B97F4A7C15
 * z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9
 * z = (z ^ z >>> 27) * 0x94D049BB133111EB
 * z = z ^ z >>> 31
 * }</pre>
 *
 * A float of [0, 1) is its 24 highest bits times 2^-24, an integer below n its 31 highest bits modulo n.
 *
 * @param stream a number for each array, so that arrays are independent
 */
public record SplitMix64(long stream) {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;
  private static final float ULP = 0x1p-24f;

  long bits(long i) {
    long z = stream + (i + 1) * GAMMA;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  /** F32, uniform in [0, 1). */
  public HostArray floats(int... dims) {
    float[] values = new float[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (bits(i) >>> 40) * ULP;
    }
    return HostArray.of(values, dims);
  }

  /** I32, from 0 to {@code bound - 1}. */
  public HostArray integers(int bound, int... dims) {
    int[] values = new int[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (int) ((bits(i) >>> 33) % bound);
    }
    return HostArray.of(values, dims);
  }
}
