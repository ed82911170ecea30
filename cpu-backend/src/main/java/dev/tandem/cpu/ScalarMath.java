package dev.tandem.cpu;

/**
 * Elementary functions of floats, operation for operation what {@link VectorMath} does in every lane, so that a result has the same
 * bits whether its element was met by a vector or by the loop over the rest. Written with fused multiply-adds, which every machine
 * of the last decade has (without them results stay the same and are slow).
 *
 * <p>Largest errors in units in the last place: of all floats, exp 0.91, expm1 1.46, tanh 1.22 and sigmoid 2.42; found in
 * sweeps, log 0.9, log1p 1.4 (every third float from 2<sup>-12</sup> to 128, and some of all others), erf 1.1. Infinities, NaN, signed zeros and subnormal
 * arguments and results are right within those bounds.
 */
final class ScalarMath {
  /** 1.5 · 2<sup>23</sup>: a float added to it is rounded to an integer, which stands in the low bits. */
  static final float ROUND = 0x1.8p23f;
  static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
  static final float LOG2_E = 1.442695f;
  /** ln 2 in two parts; few enough bits in the first that its product with an exponent is exact. */
  static final float LN2_HIGH = 0.6933594f;
  static final float LN2_LOW = -2.1219444e-4f;
  /**
   * ln 2, and what is missing for it to be exact: 3 % more than that, since of the powers of what an exponential is
   * reduced to only the low ones get it, and so none has to wait.
   */
  static final float LN2 = 0.6931472f;
  static final float LN2_REST = 1.9617938e-9f;
  /** {@link #ROUND} and twice the bias of an exponent, that of either factor of an exponential. */
  static final float EXP_ROUND = ROUND + 254f;
  /** The exponential overflows with an exponent of 129; down to there it is 0. */
  static final int EXP_TOP_BITS = Float.floatToRawIntBits(EXP_ROUND + 129f);
  static final float EXP_BOTTOM = -104f;
  /** From here on, exp(x) - 1 overflows; from there down, it is -1. */
  static final float EXPM1_TOP = 89f;
  static final float EXPM1_BOTTOM = -18f;
  /** (exp(r) - 1 - r) / r² on ±ln(2)/2, with the least relative error of exp(r), 3.1e-9; highest power first. */
  static final float EXP4 = 0.0013820946f;
  static final float EXP3 = 0.008368684f;
  static final float EXP2 = 0.041668266f;
  static final float EXP1 = 0.16666521f;
  static final float EXP0 = 0.49999994f;
  /** (ln(1 + f) - f + f²/2) / f³ for 1 + f from √½ to √2 (Cephes, logf), highest power first. */
  static final float LOG8 = 0.070376836f;
  static final float LOG7 = -0.1151461f;
  static final float LOG6 = 0.116769984f;
  static final float LOG5 = -0.12420141f;
  static final float LOG4 = 0.14249323f;
  static final float LOG3 = -0.16668057f;
  static final float LOG2 = 0.20000714f;
  static final float LOG1 = -0.24999994f;
  static final float LOG0 = 0.3333333f;
  static final int SQRT_HALF_BITS = 0x3F3504F3;
  static final int EXPONENT_BITS = 0xFF800000;
  static final int ONE_BITS = 0x3F800000;
  /** Above it, 1 + x loses nothing that the logarithm would notice. */
  static final float LOG1P_LARGE = 0x1p30f;
  /** {@link #ROUND} and the bias of an exponent, so that this is one when shifted to its place. */
  static final float TANH_ROUND = ROUND + 127f;
  static final float TANH_SCALE = -2 * LOG2_E;
  /** Twice 2<sup>-40</sup> is nothing beside 1. */
  static final int TANH_BOTTOM_BITS = Float.floatToRawIntBits(TANH_ROUND - 40f);
  /** Up to it, tanh is an odd polynomial with the least relative error, 2.8e-9; (tanh(x) - x) / x³ by powers of x², highest first. */
  static final float TANH_SPLIT = 0.6f;
  static final float TANH4 = -0.0058979667f;
  static final float TANH3 = 0.020798625f;
  static final float TANH2 = -0.053784717f;
  static final float TANH1 = 0.13331936f;
  static final float TANH0 = -0.333333f;
  /** Numerator and denominator of a sigmoid are multiplied by it, so that they are normal numbers where the sigmoid is not. */
  static final float SIGMOID_SCALE = 0x1p60f;
  static final float SIGMOID_ROUND = ROUND + 127f + 60f;
  /** From there down, the sigmoid is 0. */
  static final int SIGMOID_BOTTOM_BITS = Float.floatToRawIntBits(SIGMOID_ROUND - 152f);
  /** From here on it is 1. */
  static final float SIGMOID_TOP = 40f;
  /** (exp(-r) - 1) / r, scaled, highest power first. */
  static final float SIGMOID5 = EXP4 * SIGMOID_SCALE;
  static final float SIGMOID4 = -EXP3 * SIGMOID_SCALE;
  static final float SIGMOID3 = EXP2 * SIGMOID_SCALE;
  static final float SIGMOID2 = -EXP1 * SIGMOID_SCALE;
  static final float SIGMOID1 = EXP0 * SIGMOID_SCALE;
  static final float SIGMOID0 = -SIGMOID_SCALE;
  /** Up to it, erf is an odd polynomial; above, 1 - exp of one. */
  static final float ERF_SPLIT = 0.9277344f;
  static final float ERF_NEAR5 = -5.967617e-4f;
  static final float ERF_NEAR4 = 0.0049911942f;
  static final float ERF_NEAR3 = -0.026768135f;
  static final float ERF_NEAR2 = 0.112819925f;
  static final float ERF_NEAR1 = -0.37612534f;
  static final float ERF_NEAR0 = 0.12837917f;
  static final float ERF_FAR6 = -1.7285347e-5f;
  static final float ERF_FAR5 = 3.8319713e-4f;
  static final float ERF_FAR4 = -0.0038839644f;
  static final float ERF_FAR3 = 0.024254622f;
  static final float ERF_FAR2 = -0.10677788f;
  static final float ERF_FAR1 = -0.6348467f;
  static final float ERF_FAR0 = -0.12871751f;

  private ScalarMath() {
  }

  /**
   * 2<sup>k</sup> in two factors: either is a normal number where their product may be none. Above k, in its float, are
   * no bits that stay. Infinities and NaN come out of the polynomial as they went in.
   */
  static float exp(float x) {
    int k = Math.min(Float.floatToRawIntBits(Math.fma(x, LOG2_E, EXP_ROUND)), EXP_TOP_BITS);
    float n = Float.intBitsToFloat(k) - EXP_ROUND;
    float r = Math.fma(n, -LN2, x);
    float s = Math.fma(n, LN2_REST, r);
    int half = k << 22 & EXPONENT_BITS;
    float first = Float.intBitsToFloat(half);
    float second = Float.intBitsToFloat((k << 23) - half);
    float q = Math.fma(Math.fma(expSeries(r), r, EXP0), s, 1f);
    float y = Math.fma(q, s * first, first) * second;
    return x < EXP_BOTTOM ? 0f : y;
  }

  static float expm1(float x) {
    float c = x > EXPM1_TOP ? EXPM1_TOP : x;
    c = x < EXPM1_BOTTOM ? EXPM1_BOTTOM : c;
    float t = Math.fma(c, LOG2_E, ROUND);
    float n = t - ROUND;
    float r = Math.fma(n, -LN2, c);
    float w = Math.fma(n, LN2_REST, r);
    float p = Math.fma(Math.fma(expSeries(r), r * r, EXP0 * w), w, w);
    // Half of the result, since 2^128 is no float.
    float s = power(Float.floatToRawIntBits(t) - ROUND_BITS - 1);
    float h = Math.fma(s, p, s - 0.5f);
    float y = n == 0 ? p : h + h;
    return x == 0 ? x : y;
  }

  /** (exp(r) - 1 - r - r²/2) / r³, in pairs (Estrin): what takes long is the chain of operations that wait for each other. */
  private static float expSeries(float r) {
    return Math.fma(Math.fma(EXP4, r, EXP3), r * r, Math.fma(EXP2, r, EXP1));
  }

  /** 2<sup>k</sup>, a normal number. */
  private static float power(int k) {
    return Float.intBitsToFloat(k + 127 << 23);
  }

  static float log(float x) {
    boolean subnormal = x < Float.MIN_NORMAL;
    int bits = Float.floatToRawIntBits(subnormal ? x * 0x1p23f : x);
    int scaled = bits - SQRT_HALF_BITS;
    float e = exponent(scaled);
    e = subnormal ? e - 23f : e;
    float m = Float.intBitsToFloat(bits - (scaled & EXPONENT_BITS));
    float r = logReduced(m - 1f, e);
    r = x < Float.POSITIVE_INFINITY ? r : x;
    return x > 0 ? r : x == 0 ? Float.NEGATIVE_INFINITY : Float.NaN;
  }

  static float log1p(float x) {
    float u = 1f + x;
    int bits = Float.floatToRawIntBits(u);
    int scaled = bits - SQRT_HALF_BITS;
    int shift = scaled & EXPONENT_BITS;
    float m = Float.intBitsToFloat(bits - shift) - 1f;
    // What rounding 1 + x lost comes back here: (1 + x) 2^-e - 1.
    float s = Float.intBitsToFloat(ONE_BITS - shift);
    float f = u > LOG1P_LARGE ? m : Math.fma(x, s, s - 1f);
    float r = logReduced(f, exponent(scaled));
    r = u < Float.POSITIVE_INFINITY ? r : u;
    r = u > 0 ? r : u == 0 ? Float.NEGATIVE_INFINITY : Float.NaN;
    return x == 0 ? x : r;
  }

  private static float exponent(int scaled) {
    return Float.intBitsToFloat((scaled >> 23) + ROUND_BITS) - ROUND;
  }

  /** ln(1 + f) + e ln 2. */
  private static float logReduced(float f, float e) {
    float z = f * f;
    float low = Math.fma(Math.fma(LOG3, f, LOG2), z, Math.fma(LOG1, f, LOG0));
    float high = Math.fma(Math.fma(LOG7, f, LOG6), z, Math.fma(LOG5, f, LOG4));
    float w = z * z;
    float p = Math.fma(Math.fma(LOG8, w, high), w, low);
    float y = Math.fma(e, LN2_LOW, p * f * z);
    y = Math.fma(z, -0.5f, y);
    return Math.fma(e, LN2_HIGH, f + y);
  }

  static float tanh(float x) {
    float a = Math.abs(x);
    float z = x * x;
    float near = Math.fma(Math.fma(Math.fma(TANH4, z, TANH3), z, TANH2), z, TANH1);
    near = Math.fma(Math.fma(near, z, TANH0) * z, a, a);
    return withSign(a > TANH_SPLIT ? tanhFar(a) : near, x);
  }

  /** 1 - 2 / (exp(2a) + 1) = 1 - 2s / (s + exp(r)) with s = 2<sup>n</sup>, n = -2a / ln 2 rounded. */
  private static float tanhFar(float a) {
    int k = Math.max(Float.floatToRawIntBits(Math.fma(a, TANH_SCALE, TANH_ROUND)), TANH_BOTTOM_BITS);
    float r = Math.fma(Float.intBitsToFloat(k) - TANH_ROUND, LN2, a + a);
    float p = Math.fma(expSeries(r), r * r, Math.fma(EXP0, r, 1f));
    float s = Float.intBitsToFloat(k << 23);
    return Math.fma(s / Math.fma(p, r, s + 1f), -2f, 1f);
  }

  private static float withSign(float magnitude, float sign) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(magnitude) | Float.floatToRawIntBits(sign) & 0x80000000);
  }

  /**
   * 1 / (1 + exp(-x)) = s / (s + exp(-r)) with s = 2<sup>n</sup>, n = x / ln 2 rounded. The sum of 1 and s is exact, but
   * where the sigmoid hardly is another number than 1 or exp(x).
   */
  static float sigmoid(float x) {
    int k = Math.max(Float.floatToRawIntBits(Math.fma(x, LOG2_E, SIGMOID_ROUND)), SIGMOID_BOTTOM_BITS);
    float n = Float.intBitsToFloat(k) - SIGMOID_ROUND;
    float r = Math.fma(n, -LN2, x);
    float w = Math.fma(n, LN2_REST, r);
    float p = Math.fma(Math.fma(SIGMOID5, r, SIGMOID4), r * r, Math.fma(SIGMOID3, r, SIGMOID2));
    p = Math.fma(p, r * r, Math.fma(SIGMOID1, w, SIGMOID0));
    float s = Float.intBitsToFloat(k << 23);
    float y = s / Math.fma(p, w, s + SIGMOID_SCALE);
    return x > SIGMOID_TOP ? 1f : y;
  }

  /** Polynomials of N. Juffa. */
  static float erf(float x) {
    float t = Math.abs(x);
    float s = x * x;
    float far = withSign(erfFar(t, s), x);
    float w = s * s;
    float near = Math.fma(Math.fma(ERF_NEAR5, s, ERF_NEAR4), w, Math.fma(ERF_NEAR3, s, ERF_NEAR2));
    near = Math.fma(near, w, Math.fma(ERF_NEAR1, s, ERF_NEAR0));
    near = Math.fma(near, x, x);
    return t > ERF_SPLIT ? far : near;
  }

  private static float erfFar(float t, float s) {
    float r = Math.fma(ERF_FAR6, t, ERF_FAR5);
    r = Math.fma(r, s, Math.fma(ERF_FAR4, t, ERF_FAR3));
    r = Math.fma(Math.fma(r, t, ERF_FAR2), s, Math.fma(ERF_FAR1, t, ERF_FAR0));
    r = Math.fma(r, t, -t);
    return 1f - exp(r);
  }

  static float floor(float x) {
    return (float) Math.floor(x);
  }

  static float sqrt(float x) {
    return (float) Math.sqrt(x);
  }

  static float pow(float x, float y) {
    return (float) Math.pow(x, y);
  }

  static float sin(float x) {
    return (float) Math.sin(x);
  }

  static float cos(float x) {
    return (float) Math.cos(x);
  }
}
