package dev.tandem.cpu;

import dev.tandem.core.pointwise.Philox;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Philox} for as many counters at a time as a vector has 64-bit lanes, each holding a 32-bit word. The same bits, at a fifth of
 * the time. Loaded only when {@link Lanes#AVAILABLE}.
 */
final class VectorPhilox {
  private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
  /** Counters at a time. */
  private static final int COUNTERS = LONGS.length();
  private static final LongVector LOW = LongVector.broadcast(LONGS, 0xFFFFFFFFL);
  private static final LongVector MULTIPLIER0 = LongVector.broadcast(LONGS, 0xD2511F53L);
  private static final LongVector MULTIPLIER1 = LongVector.broadcast(LONGS, 0xCD9E8D57L);
  private static final int WEYL0 = 0x9E3779B9;
  private static final int WEYL1 = 0xBB67AE85;
  private static final LongVector INDEX = LongVector.zero(LONGS).addIndex(1);
  private static final VectorShuffle<Long> FIRST_HALF = VectorShuffle.makeZip(LONGS, 0);
  private static final VectorShuffle<Long> SECOND_HALF = VectorShuffle.makeZip(LONGS, 1);

  private VectorPhilox() {
  }

  /** As {@link Philox#uniform(long, int, int, long, float[], int, int)}, from the beginning of {@code to}. */
  static void uniform(long key, int counter, int salt, long index, float[] to, int n) {
    int done = (int) Math.min(n, -index & 3);
    Philox.uniform(key, counter, salt, index, to, 0, done);
    for (; done + 4 * COUNTERS <= n; done += 4 * COUNTERS) {
      block(key, counter, salt, (index + done) >>> 2, to, done);
    }
    Philox.uniform(key, counter, salt, index + done, to, done, n - done);
  }

  private static void block(long key, int counter, int salt, long first, float[] to, int at) {
    LongVector number = INDEX.add(first);
    LongVector c0 = number.and(LOW);
    LongVector c1 = LongVector.broadcast(LONGS, counter & 0xFFFFFFFFL);
    LongVector c2 = LongVector.broadcast(LONGS, salt & 0xFFFFFFFFL);
    LongVector c3 = number.lanewise(VectorOperators.LSHR, 32);
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    for (int round = 0; round < 10; round++) {
      // Both factors masked, so that one instruction multiplies 32 by 32 bits.
      LongVector p0 = c0.and(LOW).mul(MULTIPLIER0.and(LOW));
      LongVector p1 = c2.and(LOW).mul(MULTIPLIER1.and(LOW));
      c0 = p1.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c1).lanewise(VectorOperators.XOR,
          k0 & 0xFFFFFFFFL);
      c2 = p0.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c3).lanewise(VectorOperators.XOR,
          k1 & 0xFFFFFFFFL);
      c1 = p1.and(LOW);
      c3 = p0.and(LOW);
      k0 += WEYL0;
      k1 += WEYL1;
    }
    LongVector front = c0.or(c1.lanewise(VectorOperators.LSHL, 32));
    LongVector back = c2.or(c3.lanewise(VectorOperators.LSHL, 32));
    IntVector low = front.rearrange(FIRST_HALF, back).reinterpretAsInts().lanewise(VectorOperators.LSHR, 8);
    ((FloatVector) low.convert(VectorOperators.I2F, 0)).mul(0x1p-24f).intoArray(to, at);
    IntVector high = front.rearrange(SECOND_HALF, back).reinterpretAsInts().lanewise(VectorOperators.LSHR, 8);
    ((FloatVector) high.convert(VectorOperators.I2F, 0)).mul(0x1p-24f).intoArray(to, at + 2 * COUNTERS);
  }
}
