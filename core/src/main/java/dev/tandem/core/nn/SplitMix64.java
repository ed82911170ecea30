package dev.tandem.core.nn;

import java.util.random.RandomGenerator;

/**
 * The numbers of {@link java.util.SplittableRandom}, drawn in one method each: Steele, Lea, Flood, Fast splittable pseudorandom number
 * generators, OOPSLA 2014. That one takes five calls to a number, which until C2 has compiled the loop that draws them is 80 ns, at the
 * start of every training a tenth of a second for a million weights.
 */
final class SplitMix64 implements RandomGenerator {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  SplitMix64(long seed) {
    state = seed;
  }

  @Override
  public long nextLong() {
    long z = state + GAMMA;
    state = z;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  @Override
  public int nextInt() {
    long z = state + GAMMA;
    state = z;
    z = (z ^ z >>> 33) * 0x62A9D9ED799705F5L;
    return (int) ((z ^ z >>> 28) * 0xCB24D0A5C88C35B3L >>> 32);
  }

  @Override
  public double nextDouble() {
    long z = state + GAMMA;
    state = z;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return ((z ^ z >>> 31) >>> 11) * 0x1p-53;
  }

  /**
   * Fills {@code n} elements from {@code from} on with {@code (float) (low + (high - low) * nextDouble())}. One loop without calls, which
   * C1 compiles by itself: an element takes a tenth of the time that it takes through {@link #nextDouble} until C2 has compiled that.
   */
  void uniform(float[] to, int from, int n, double low, double high) {
    double range = high - low;
    long s = state;
    for (int i = from; i < from + n; i++) {
      s += GAMMA;
      long z = (s ^ s >>> 30) * 0xBF58476D1CE4E5B9L;
      z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
      to[i] = (float) (low + range * (((z ^ z >>> 31) >>> 11) * 0x1p-53));
    }
    state = s;
  }
}
