package dev.tandem.core.testing;

import dev.tandem.core.shape.DType;
import java.util.random.RandomGenerator;

/** What random operands hold. */
enum Numbers {
  /** Normally distributed floats, ints from -100 to 100. */
  ORDINARY,
  /** Floats of both signs with exponents from -20 to 20, ints of every length. */
  WIDE,
  /** Whole numbers from -3 to 3: sums of them are exact, and many are equal. */
  SMALL_INTEGERS,
  /** Floats of which every fourth is NaN or infinite. No finite one is so large that a sum of some may overflow. */
  NOT_FINITE,
  /** {@link #specialFloats} and {@link #specialInts}. */
  SPECIAL;

  private static final float[] FLOATS =
      {0, Float.MIN_VALUE, 3e-45f, 1e-40f, Float.MIN_NORMAL / 2, Float.MIN_NORMAL, 1.5e-38f, 1e-20f, 1e-7f,
          6e-8f, 1e-4f, 0.25f, 0.5f, 0x0.FFFFFFp0f, 1, 0x1.000002p0f, 1.5f, 2, 2.5f, 3, 3.1415927f, 10, 30, 87, 88.5f,
          89,
          103, 104, 255, 256, 1e4f, 8388607.5f,
          16777216, 16777218, 2147483520f, 2147483648f, 4e9f, 1e10f, 1e19f, 2e19f, 1e30f, 1.7e38f, Float.MAX_VALUE,
          Float.POSITIVE_INFINITY};
  private static final int[] INTS =
      {0, 1, 2, 3, 100, 127, 128, 255, 256, 257, 32767, 32768, 65535, 65537, 1 << 20, 16777217, 1 << 30,
          Integer.MAX_VALUE - 1, Integer.MAX_VALUE};

  /** Zeros, denormals, tiny, ordinary, huge and infinite numbers of both signs, and NaN. */
  static double[] specialFloats() {
    double[] r = new double[2 * FLOATS.length + 1];
    for (int i = 0; i < FLOATS.length; i++) {
      r[2 * i] = FLOATS[i];
      r[2 * i + 1] = -FLOATS[i];
    }
    r[2 * FLOATS.length] = Double.NaN;
    return r;
  }

  /** Small, large and extreme ints of both signs. */
  static double[] specialInts() {
    double[] r = new double[2 * INTS.length + 1];
    for (int i = 0; i < INTS.length; i++) {
      r[2 * i] = INTS[i];
      r[2 * i + 1] = -INTS[i];
    }
    r[2 * INTS.length] = Integer.MIN_VALUE;
    return r;
  }

  double draw(DType dtype, RandomGenerator random) {
    return switch (dtype.kind()) {
      case FLOAT -> switch (this) {
        case ORDINARY -> random.nextGaussian();
        case WIDE -> Math.scalb(1 + random.nextDouble(), random.nextInt(-20, 20)) * (random.nextBoolean() ? 1 : -1);
        case SMALL_INTEGERS -> random.nextInt(-3, 4);
        case NOT_FINITE -> random.nextInt(4) == 0
            ? pick(new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}, random)
            : random.nextGaussian();
        case SPECIAL -> random.nextInt(3) == 0 ? random.nextGaussian() : pick(specialFloats(), random);
      };
      case INT -> {
        double v = switch (this) {
          case ORDINARY -> random.nextInt(-100, 101);
          case WIDE -> random.nextInt() >> random.nextInt(32);
          case SMALL_INTEGERS -> random.nextInt(-3, 4);
          case NOT_FINITE, SPECIAL -> pick(specialInts(), random);
        };
        yield dtype == DType.U8 ? (int) v & 0xFF : v;
      }
      case BOOL -> random.nextInt(2);
    };
  }

  private static double pick(double[] values, RandomGenerator random) {
    return values[random.nextInt(values.length)];
  }
}
