package dev.tandem.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The functions of {@link ScalarMath} in every lane, with the same bits. No method has a branch, a parameter that is no vector, or
 * more than 325 bytecodes: {@link VectorFunctions} copies the bodies into generated loops, and C2 inlines no larger method elsewhere,
 * while a vector that crosses a call is boxed. Loaded only when {@link Lanes#AVAILABLE}.
 */
final class VectorMath {
  static final FloatVector ROUND = of(ScalarMath.ROUND);
  static final FloatVector LOG2_E = of(ScalarMath.LOG2_E);
  static final FloatVector LN2_HIGH = of(ScalarMath.LN2_HIGH);
  static final FloatVector LN2_LOW = of(ScalarMath.LN2_LOW);
  static final FloatVector LN2 = of(ScalarMath.LN2);
  static final FloatVector MINUS_LN2 = of(-ScalarMath.LN2);
  static final FloatVector LN2_REST = of(ScalarMath.LN2_REST);
  static final FloatVector EXP_ROUND = of(ScalarMath.EXP_ROUND);
  static final FloatVector EXP_BOTTOM = of(ScalarMath.EXP_BOTTOM);
  static final FloatVector EXPM1_TOP = of(ScalarMath.EXPM1_TOP);
  static final FloatVector EXPM1_BOTTOM = of(ScalarMath.EXPM1_BOTTOM);
  static final FloatVector EXP4 = of(ScalarMath.EXP4);
  static final FloatVector EXP3 = of(ScalarMath.EXP3);
  static final FloatVector EXP2 = of(ScalarMath.EXP2);
  static final FloatVector EXP1 = of(ScalarMath.EXP1);
  static final FloatVector EXP0 = of(ScalarMath.EXP0);
  static final FloatVector LOG8 = of(ScalarMath.LOG8);
  static final FloatVector LOG7 = of(ScalarMath.LOG7);
  static final FloatVector LOG6 = of(ScalarMath.LOG6);
  static final FloatVector LOG5 = of(ScalarMath.LOG5);
  static final FloatVector LOG4 = of(ScalarMath.LOG4);
  static final FloatVector LOG3 = of(ScalarMath.LOG3);
  static final FloatVector LOG2 = of(ScalarMath.LOG2);
  static final FloatVector LOG1 = of(ScalarMath.LOG1);
  static final FloatVector LOG0 = of(ScalarMath.LOG0);
  static final FloatVector LOG1P_LARGE = of(ScalarMath.LOG1P_LARGE);
  static final FloatVector TANH_ROUND = of(ScalarMath.TANH_ROUND);
  static final FloatVector TANH_SCALE = of(ScalarMath.TANH_SCALE);
  static final FloatVector TANH_SPLIT = of(ScalarMath.TANH_SPLIT);
  static final FloatVector TANH4 = of(ScalarMath.TANH4);
  static final FloatVector TANH3 = of(ScalarMath.TANH3);
  static final FloatVector TANH2 = of(ScalarMath.TANH2);
  static final FloatVector TANH1 = of(ScalarMath.TANH1);
  static final FloatVector TANH0 = of(ScalarMath.TANH0);
  static final FloatVector SIGMOID_SCALE = of(ScalarMath.SIGMOID_SCALE);
  static final FloatVector SIGMOID_ROUND = of(ScalarMath.SIGMOID_ROUND);
  static final FloatVector SIGMOID_TOP = of(ScalarMath.SIGMOID_TOP);
  static final FloatVector SIGMOID5 = of(ScalarMath.SIGMOID5);
  static final FloatVector SIGMOID4 = of(ScalarMath.SIGMOID4);
  static final FloatVector SIGMOID3 = of(ScalarMath.SIGMOID3);
  static final FloatVector SIGMOID2 = of(ScalarMath.SIGMOID2);
  static final FloatVector SIGMOID1 = of(ScalarMath.SIGMOID1);
  static final FloatVector SIGMOID0 = of(ScalarMath.SIGMOID0);
  static final FloatVector ERF_SPLIT = of(ScalarMath.ERF_SPLIT);
  static final FloatVector ERF_NEAR5 = of(ScalarMath.ERF_NEAR5);
  static final FloatVector ERF_NEAR4 = of(ScalarMath.ERF_NEAR4);
  static final FloatVector ERF_NEAR3 = of(ScalarMath.ERF_NEAR3);
  static final FloatVector ERF_NEAR2 = of(ScalarMath.ERF_NEAR2);
  static final FloatVector ERF_NEAR1 = of(ScalarMath.ERF_NEAR1);
  static final FloatVector ERF_NEAR0 = of(ScalarMath.ERF_NEAR0);
  static final FloatVector ERF_FAR6 = of(ScalarMath.ERF_FAR6);
  static final FloatVector ERF_FAR5 = of(ScalarMath.ERF_FAR5);
  static final FloatVector ERF_FAR4 = of(ScalarMath.ERF_FAR4);
  static final FloatVector ERF_FAR3 = of(ScalarMath.ERF_FAR3);
  static final FloatVector ERF_FAR2 = of(ScalarMath.ERF_FAR2);
  static final FloatVector ERF_FAR1 = of(ScalarMath.ERF_FAR1);
  static final FloatVector ERF_FAR0 = of(ScalarMath.ERF_FAR0);
  static final FloatVector ZERO = of(0f);
  static final FloatVector HALF = of(0.5f);
  static final FloatVector MINUS_HALF = of(-0.5f);
  static final FloatVector ONE = of(1f);
  static final FloatVector MINUS_TWO = of(-2f);
  static final FloatVector INFINITY = of(Float.POSITIVE_INFINITY);
  static final FloatVector MINUS_INFINITY = of(Float.NEGATIVE_INFINITY);
  static final FloatVector NAN = of(Float.NaN);
  static final FloatVector MIN_NORMAL = of(Float.MIN_NORMAL);
  static final FloatVector SUBNORMAL_SCALE = of(0x1p23f);
  static final FloatVector SUBNORMAL_EXPONENT = of(23f);
  /** Above every |x| that has a fraction. */
  static final FloatVector INTEGRAL = of(0x1p23f);
  static final IntVector ROUND_BITS = IntVector.broadcast(ROUND.reinterpretAsInts().species(), ScalarMath.ROUND_BITS);
  static final IntVector EXP_TOP_BITS = ROUND_BITS.broadcast(ScalarMath.EXP_TOP_BITS);
  static final IntVector TANH_BOTTOM_BITS = ROUND_BITS.broadcast(ScalarMath.TANH_BOTTOM_BITS);
  static final IntVector SIGMOID_BOTTOM_BITS = ROUND_BITS.broadcast(ScalarMath.SIGMOID_BOTTOM_BITS);
  static final IntVector BIAS = ROUND_BITS.broadcast(127);
  static final IntVector SQRT_HALF_BITS = ROUND_BITS.broadcast(ScalarMath.SQRT_HALF_BITS);
  static final IntVector EXPONENT_BITS = ROUND_BITS.broadcast(ScalarMath.EXPONENT_BITS);
  static final IntVector ONE_BITS = ROUND_BITS.broadcast(ScalarMath.ONE_BITS);
  static final IntVector SIGN_BIT = ROUND_BITS.broadcast(0x80000000);

  private VectorMath() {
  }

  private static FloatVector of(float value) {
    return FloatVector.broadcast(FloatLanes.SPECIES, value);
  }

  static FloatVector exp(FloatVector x) {
    IntVector k = x.fma(LOG2_E, EXP_ROUND).reinterpretAsInts().min(EXP_TOP_BITS);
    FloatVector n = k.reinterpretAsFloats().sub(EXP_ROUND);
    FloatVector r = n.fma(MINUS_LN2, x);
    FloatVector s = n.fma(LN2_REST, r);
    IntVector half = k.lanewise(VectorOperators.LSHL, 22).and(EXPONENT_BITS);
    FloatVector first = half.reinterpretAsFloats();
    FloatVector second = k.lanewise(VectorOperators.LSHL, 23).sub(half).reinterpretAsFloats();
    FloatVector q = expSeries(r).fma(r, EXP0).fma(s, ONE);
    FloatVector y = q.fma(s.mul(first), first).mul(second);
    return y.blend(ZERO, x.lt(EXP_BOTTOM));
  }

  static FloatVector expm1(FloatVector x) {
    FloatVector c = x.blend(EXPM1_TOP, x.compare(VectorOperators.GT, EXPM1_TOP));
    c = c.blend(EXPM1_BOTTOM, x.lt(EXPM1_BOTTOM));
    FloatVector t = c.fma(LOG2_E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector p = expm1Reduced(c, n);
    FloatVector s = power(t.reinterpretAsInts().sub(ROUND_BITS).sub(1));
    FloatVector h = s.fma(p, s.sub(HALF));
    FloatVector r = h.add(h).blend(p, n.eq(ZERO));
    return r.blend(x, x.eq(ZERO));
  }

  static FloatVector expm1Reduced(FloatVector x, FloatVector n) {
    FloatVector r = n.fma(MINUS_LN2, x);
    FloatVector w = n.fma(LN2_REST, r);
    return expSeries(r).fma(r.mul(r), EXP0.mul(w)).fma(w, w);
  }

  static FloatVector expSeries(FloatVector r) {
    return EXP4.fma(r, EXP3).fma(r.mul(r), EXP2.fma(r, EXP1));
  }

  static FloatVector power(IntVector k) {
    return k.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }

  static FloatVector log(FloatVector x) {
    VectorMask<Float> subnormal = x.lt(MIN_NORMAL);
    IntVector bits = x.blend(x.mul(SUBNORMAL_SCALE), subnormal).reinterpretAsInts();
    IntVector scaled = bits.sub(SQRT_HALF_BITS);
    FloatVector e = exponent(scaled);
    e = e.blend(e.sub(SUBNORMAL_EXPONENT), subnormal);
    FloatVector m = bits.sub(scaled.and(EXPONENT_BITS)).reinterpretAsFloats();
    FloatVector r = logReduced(m.sub(ONE), e);
    r = x.blend(r, x.lt(INFINITY));
    return outside(x, r);
  }

  static FloatVector log1p(FloatVector x) {
    FloatVector u = ONE.add(x);
    IntVector bits = u.reinterpretAsInts();
    IntVector scaled = bits.sub(SQRT_HALF_BITS);
    IntVector shift = scaled.and(EXPONENT_BITS);
    FloatVector m = bits.sub(shift).reinterpretAsFloats().sub(ONE);
    FloatVector s = ONE_BITS.sub(shift).reinterpretAsFloats();
    FloatVector f = x.fma(s, s.sub(ONE)).blend(m, u.compare(VectorOperators.GT, LOG1P_LARGE));
    FloatVector r = logReduced(f, exponent(scaled));
    r = u.blend(r, u.lt(INFINITY));
    return outside(u, r).blend(x, x.eq(ZERO));
  }

  /** The logarithm r of x where x is positive, else what the logarithm is there. */
  static FloatVector outside(FloatVector x, FloatVector r) {
    return NAN.blend(MINUS_INFINITY, x.eq(ZERO)).blend(r, x.compare(VectorOperators.GT, ZERO));
  }

  static FloatVector exponent(IntVector scaled) {
    return scaled.lanewise(VectorOperators.ASHR, 23).add(ROUND_BITS).reinterpretAsFloats().sub(ROUND);
  }

  static FloatVector logReduced(FloatVector f, FloatVector e) {
    FloatVector z = f.mul(f);
    FloatVector low = LOG3.fma(f, LOG2).fma(z, LOG1.fma(f, LOG0));
    FloatVector high = LOG7.fma(f, LOG6).fma(z, LOG5.fma(f, LOG4));
    FloatVector w = z.mul(z);
    FloatVector p = LOG8.fma(w, high).fma(w, low);
    FloatVector y = e.fma(LN2_LOW, p.mul(f).mul(z));
    y = z.fma(MINUS_HALF, y);
    return e.fma(LN2_HIGH, f.add(y));
  }

  static FloatVector tanh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector z = x.mul(x);
    FloatVector near = TANH4.fma(z, TANH3).fma(z, TANH2).fma(z, TANH1);
    near = near.fma(z, TANH0).mul(z).fma(a, a);
    return withSign(near.blend(tanhFar(a), a.compare(VectorOperators.GT, TANH_SPLIT)), x);
  }

  static FloatVector tanhFar(FloatVector a) {
    IntVector k = a.fma(TANH_SCALE, TANH_ROUND).reinterpretAsInts().max(TANH_BOTTOM_BITS);
    FloatVector r = k.reinterpretAsFloats().sub(TANH_ROUND).fma(LN2, a.add(a));
    FloatVector p = expSeries(r).fma(r.mul(r), EXP0.fma(r, ONE));
    FloatVector s = k.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    return s.div(p.fma(r, s.add(ONE))).fma(MINUS_TWO, ONE);
  }

  static FloatVector withSign(FloatVector magnitude, FloatVector sign) {
    return magnitude.reinterpretAsInts().or(sign.reinterpretAsInts().and(SIGN_BIT)).reinterpretAsFloats();
  }

  static FloatVector sigmoid(FloatVector x) {
    IntVector k = x.fma(LOG2_E, SIGMOID_ROUND).reinterpretAsInts().max(SIGMOID_BOTTOM_BITS);
    FloatVector n = k.reinterpretAsFloats().sub(SIGMOID_ROUND);
    FloatVector r = n.fma(MINUS_LN2, x);
    FloatVector w = n.fma(LN2_REST, r);
    FloatVector z = r.mul(r);
    FloatVector p = SIGMOID5.fma(r, SIGMOID4).fma(z, SIGMOID3.fma(r, SIGMOID2));
    p = p.fma(z, SIGMOID1.fma(w, SIGMOID0));
    FloatVector s = k.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    FloatVector y = s.div(p.fma(w, s.add(SIGMOID_SCALE)));
    return y.blend(ONE, x.compare(VectorOperators.GT, SIGMOID_TOP));
  }

  static FloatVector erf(FloatVector x) {
    FloatVector t = x.abs();
    FloatVector s = x.mul(x);
    FloatVector far = withSign(erfFar(t, s), x);
    FloatVector w = s.mul(s);
    FloatVector near = ERF_NEAR5.fma(s, ERF_NEAR4).fma(w, ERF_NEAR3.fma(s, ERF_NEAR2));
    near = near.fma(w, ERF_NEAR1.fma(s, ERF_NEAR0));
    near = near.fma(x, x);
    return near.blend(far, t.compare(VectorOperators.GT, ERF_SPLIT));
  }

  static FloatVector erfFar(FloatVector t, FloatVector s) {
    FloatVector r = ERF_FAR6.fma(t, ERF_FAR5);
    r = r.fma(s, ERF_FAR4.fma(t, ERF_FAR3));
    r = r.fma(t, ERF_FAR2).fma(s, ERF_FAR1.fma(t, ERF_FAR0));
    r = r.fma(t, t.neg());
    return ONE.sub(exp(r));
  }

  /** The Vector API has no such operation: rounded to nearest by adding and taking away 2<sup>23</sup>, then one less if above. */
  static FloatVector floor(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector r = withSign(a.add(INTEGRAL).sub(INTEGRAL), x);
    r = r.blend(r.sub(ONE), r.compare(VectorOperators.GT, x));
    return x.blend(r, a.lt(INTEGRAL));
  }
}
