package dev.tandem.core.io;

import java.util.Arrays;
import java.util.Random;

/** Random mutations of files: bytes changed, removed, inserted, cut off or repeated. */
final class Damage {
  /** Values at which parsers break sooner than at others. */
  private static final int[] NASTY = {0, 1, 0x7F, 0x80, 0xFF, '"', '\\', '{', '}', '[', ']', '-', '9', 'e', ','};

  private Damage() {}

  /** {@code original} after one to four mutations. */
  static byte[] some(Random random, byte[] original) {
    byte[] bytes = original.clone();
    for (int n = 1 + random.nextInt(4); n > 0 && bytes.length > 0; n--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt();
        case 1 -> bytes[at] = (byte) NASTY[random.nextInt(NASTY.length)];
        case 2 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 3 -> bytes = Arrays.copyOf(bytes, at);
        case 4 -> bytes = splice(bytes, at, at, new byte[] {(byte) NASTY[random.nextInt(NASTY.length)]});
        default -> {
          int to = Math.min(bytes.length, at + 1 + random.nextInt(8));
          bytes = splice(bytes, at, random.nextBoolean() ? to : at,
              Arrays.copyOfRange(bytes, at, random.nextBoolean() ? to : at));
        }
      }
    }
    return bytes;
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] insert) {
    byte[] result = Arrays.copyOf(bytes, bytes.length - (to - from) + insert.length);
    System.arraycopy(insert, 0, result, from, insert.length);
    System.arraycopy(bytes, to, result, from + insert.length, bytes.length - to);
    return result;
  }
}
