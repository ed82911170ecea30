package dev.tandem.core.tensor;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;

/**
 * The random numbers of a step. The n-th draw of a step has the n-th key; the counter, one number on the device, is the step. The
 * host owns the counter and writes it before each step, so backward and replay see the same draws.
 */
public final class RandomState {
  private final long seed;
  private final Tensor counter;
  private long draws;

  public RandomState(Device device, long seed) {
    this.seed = seed;
    this.counter = Tensor.persistentZeros(device, new Spec(Shape.of(), DType.I32), "random counter");
  }

  /** @param step counts from 1 */
  public void beginStep(int step) {
    draws = 0;
    counter.write(HostArray.of(new int[] {step}));
  }

  /** I32 [], an operand of every program that draws. */
  public Tensor counter() {
    return counter;
  }

  /** The key of the step's next draw. */
  public long nextKey() {
    draws++;
    return mix(seed + 0x9E3779B97F4A7C15L * draws);
  }

  /** The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). */
  private static long mix(long z) {
    long a = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ a >>> 27) * 0x94D049BB133111EBL;
    return b ^ b >>> 31;
  }
}
