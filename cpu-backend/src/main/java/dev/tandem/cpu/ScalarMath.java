package dev.tandem.cpu;

/**
 * Elementary functions of floats, operation for operation what {@link VectorMath} does in every lane, so that a result has the same
 * bits whether its element was met by a vector or by the loop over the rest. Written with fused multiply-adds, which every machine
 * of the last decade has (without them results stay the same and are slow).
 *
 * <p>Largest errors found in a sweep of all floats, in units in the last place: exp 1.0, expm1 1.5, log 0.9, log1p 1.4, tanh 1.5,
 * sigmoid 2.4, erf 1.1. Infinities, NaN, signed zeros and subnormal arguments and results are right within those bounds.
 */
final class ScalarMath {
  /** 1.5 · 2<sup>23</sup>: a float added to it is rounded to an integer, which stands in the low bits. */
  static final float ROUND = 0x1.8p23f;
  static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
  static final float LOG2_E = 1.442695f;
  /** ln 2 in two parts; few enough bits in the first that its product with an exponent is exact. */
  static final float LN2_HIGH = 0.6933594f;
  static final float LN2_LOW = -2.1219444e-4f;
  /** From here on the exponential overflows, down to there it is 0. */
  static final float EXP_TOP = 89f;
  static final float EXP_BOTTOM = -104f;
  /** From there down, exp(x) - 1 is -1. */
  static final float EXPM1_BOTTOM = -18f;
  /** (exp(r) - 1 - r) / r² on ±ln(2)/2 (Cephes, expf), highest power first. */
  static final float EXP5 = 1.9875691e-4f;
  static final float EXP4 = 0.0013981999f;
  static final float EXP3 = 0.008333452f;
  static final float EXP2 = 0.041665796f;
  static final float EXP1 = 0.16666666f;
  static final float EXP0 = 0.5f;
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
  /** From half of it on, tanh is 1. */
  static final float TANH_TOP = 18.5f;
  /** Up to it, tanh is an odd polynomial (Cephes, tanhf); (tanh(x) - x) / x³ by powers of x², highest first. */
  static final float TANH_SPLIT = 0.625f;
  static final float TANH4 = -5.704989e-3f;
  static final float TANH3 = 2.063909e-2f;
  static final float TANH2 = -5.3739715e-2f;
  static final float TANH1 = 0.13331442f;
  static final float TANH0 = -0.33333281f;
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

  static float exp(float x) {
    float c = x > EXP_TOP ? EXP_TOP : x;
    return expBetween(x < EXP_BOTTOM ? EXP_BOTTOM : c);
  }

  /** From {@link #EXP_BOTTOM} to {@link #EXP_TOP}. */
  private static float expBetween(float c) {
    float t = Math.fma(c, LOG2_E, ROUND);
    float r = reduced(c, t - ROUND);
    float p = Math.fma(Math.fma(expSeries(r), r, 1f), r, 1f);
    // 2^k in two factors: either is a normal number where their product may be none. Above k, in t, are no bits that stay.
    int k = Float.floatToRawIntBits(t);
    int half = k << 22 & EXPONENT_BITS;
    return p * Float.intBitsToFloat(half + ONE_BITS) * Float.intBitsToFloat((k << 23) - half + ONE_BITS);
  }

  static float expm1(float x) {
    float c = x > EXP_TOP ? EXP_TOP : x;
    c = x < EXPM1_BOTTOM ? EXPM1_BOTTOM : c;
    float t = Math.fma(c, LOG2_E, ROUND);
    float n = t - ROUND;
    float p = expm1Reduced(c, n);
    // Half of the result, since 2^128 is no float.
    float s = power(Float.floatToRawIntBits(t) - ROUND_BITS - 1);
    float h = Math.fma(s, p, s - 0.5f);
    float r = n == 0 ? p : h + h;
    return x == 0 ? x : r;
  }

  /** exp(x - n ln 2) - 1. */
  private static float expm1Reduced(float x, float n) {
    float r = reduced(x, n);
    return Math.fma(expSeries(r), r * r, r);
  }

  /** x - n ln 2. */
  private static float reduced(float x, float n) {
    return Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
  }

  /** (exp(r) - 1 - r) / r², in pairs (Estrin): what takes long is the chain of operations that wait for each other. */
  private static float expSeries(float r) {
    float z = r * r;
    float q = Math.fma(Math.fma(EXP5, r, EXP4), z, Math.fma(EXP3, r, EXP2));
    return Math.fma(q, z, Math.fma(EXP1, r, EXP0));
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

  /** Far from 0, with E = exp(2 |x|) - 1: E / (E + 2), which never exceeds 1. */
  static float tanh(float x) {
    float a = Math.abs(x);
    float z = x * x;
    float near = Math.fma(TANH4, z, TANH3);
    near = Math.fma(near, z, TANH2);
    near = Math.fma(near, z, TANH1);
    near = Math.fma(near, z, TANH0);
    near = Math.fma(near * z, a, a);
    float d = a + a;
    d = d > TANH_TOP ? TANH_TOP : d;
    float t = Math.fma(d, LOG2_E, ROUND);
    float p = expm1Reduced(d, t - ROUND);
    float s = power(Float.floatToRawIntBits(t) - ROUND_BITS);
    float e = Math.fma(s, p, s - 1f);
    return withSign(a > TANH_SPLIT ? e / (e + 2f) : near, x);
  }

  private static float withSign(float magnitude, float sign) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(magnitude) | Float.floatToRawIntBits(sign) & 0x80000000);
  }

  static float sigmoid(float x) {
    float a = -Math.abs(x);
    float e = expBetween(a < EXP_BOTTOM ? EXP_BOTTOM : a);
    return (x < 0 ? e : 1f) / (1f + e);
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
