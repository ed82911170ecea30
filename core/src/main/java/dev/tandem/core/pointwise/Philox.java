package dev.tandem.core.pointwise;

/**
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011): random words as a function of
 * key and counter, the same bits on every device. The counter is (element / 4, step, salt, high half of element / 4).
 */
public final class Philox {
  private static final int WEYL0 = 0x9E3779B9;
  private static final int WEYL1 = 0xBB67AE85;

  private Philox() {
  }

  /** A multiple of 2<sup>-24</sup> in [0, 1) for element {@code index} of a draw. */
  public static float uniform(long key, int counter, int salt, long index) {
    float[] one = new float[1];
    uniform(key, counter, salt, index, one, 0, 1);
    return one[0];
  }

  /** The draws of {@code n} elements from {@code index} on, into {@code to} from {@code at} on. */
  public static void uniform(long key, int counter, int salt, long index, float[] to, int at, int n) {
    int[] words = new int[4];
    int done = 0;
    while (done < n) {
      long block = (index + done) >>> 2;
      words(key, (int) block, counter, salt, (int) (block >>> 32), words);
      for (int w = (int) (index + done & 3); w < 4 && done < n; w++) {
        to[at + done++] = (words[w] >>> 8) * 0x1p-24f;
      }
    }
  }

  /** The four random words of one counter, into {@code words}. */
  public static void words(long key, int c0, int c1, int c2, int c3, int[] words) {
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    for (int round = 0; round < 10; round++) {
      long p0 = (c0 & 0xFFFFFFFFL) * 0xD2511F53L;
      long p1 = (c2 & 0xFFFFFFFFL) * 0xCD9E8D57L;
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c1 = (int) p1;
      c3 = (int) p0;
      c0 = n0;
      c2 = n2;
      k0 += WEYL0;
      k1 += WEYL1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }
}
