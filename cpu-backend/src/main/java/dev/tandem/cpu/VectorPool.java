package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Windows of channels-last pooling in vectors of channels; maxima as {@link VectorFolds} finds them. Loops over the few
 * places of a window take longer than what is done in them, so that the usual windows have methods without. Loaded only
 * when {@link Lanes#AVAILABLE}.
 */
final class VectorPool {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int COUNT = FloatLanes.COUNT;
  private static final VectorSpecies<Integer> INTS = FloatLanes.INTS;
  private static final IntVector ALL_BUT_SIGN = VectorFolds.ALL_BUT_SIGN;
  private static final IntVector NANS = VectorFolds.NANS;

  /** What {@link #order} makes of infinity, and one more. */
  private static final IntVector ABOVE_INFINITY = IntVector
      .broadcast(INTS, Float.floatToRawIntBits(Float.POSITIVE_INFINITY)).sub(NANS).add(1);

  private static final long LINE = 4L * COUNT;

  /** Of windows of 2 x 2. */
  static final List<WarmUp> MAX = List.of(
      new WarmUp(times -> max(pixels(times) * COUNT, WarmUp.ZEROS, 0, 0, 2, 2, WarmUp.OUTPUT), 6));
  static final List<WarmUp> QUAD_MAX = List.of(
      new WarmUp(times -> quadMax(COUNT, pixels(times), WarmUp.ZEROS, 0, 0, LINE, WarmUp.OUTPUT, LINE), 20));
  static final List<WarmUp> SMALL_MAX = List.of(
      new WarmUp(times -> smallMax(COUNT, pixels(times), WarmUp.ZEROS, 0, 0, 0, 0, LINE, WarmUp.OUTPUT, LINE), 48));
  static final List<WarmUp> MAX_GRADIENT = List.of(MAX.getFirst(),
      new WarmUp(times -> maxGradient(COUNT, pixels(times), WarmUp.ZEROS, LINE, WarmUp.ZEROS, WarmUp.OUTPUT, LINE,
          WarmUp.OUTPUT + WarmUp.TURNS * LINE, LINE), 8));
  static final List<WarmUp> SMALL_GRADIENT = List.of(
      new WarmUp(times -> smallGradient(COUNT, pixels(times), WarmUp.ZEROS, 0, 0, 0, 0, LINE, WarmUp.ZEROS, LINE,
          WarmUp.OUTPUT, 0, 0, 0, 0, LINE), 120));
  static final List<WarmUp> HALVING_GRADIENT = List.of(
      new WarmUp(times -> order(COUNT, pixels(times), WarmUp.ZEROS, LINE, WarmUp.OUTPUT, LINE), 6),
      new WarmUp(times -> places(COUNT, pixels(times), WarmUp.ZEROS, 0, 0, 0, 0, LINE, 0, WarmUp.ZEROS, LINE,
          WarmUp.OUTPUT, LINE, 0), 36),
      new WarmUp(times -> collect(COUNT, pixels(times), WarmUp.ZEROS, WarmUp.ZEROS, LINE, 0, WarmUp.OUTPUT,
          WarmUp.OUTPUT, LINE, WarmUp.OUTPUT, WarmUp.OUTPUT, LINE), 36));
  static final List<WarmUp> QUAD_GRADIENT = List.of(
      new WarmUp(times -> quadGradient(COUNT, pixels(times), WarmUp.ZEROS, 0, LINE, LINE, WarmUp.ZEROS, LINE,
          WarmUp.OUTPUT, 0, LINE, LINE), 24));

  private VectorPool() {
  }

  private static int pixels(int times) {
    return Math.max(0, times);
  }

  /** The maximum of a window; NaN if one is NaN. */
  static void max(int channels, long window, long rowStride, long pixelStride, int rows, int columns, long out) {
    for (int c = 0; c < channels; c += COUNT) {
      IntVector m = IntVector.broadcast(INTS, Integer.MIN_VALUE);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          IntVector v = IntVector.fromMemorySegment(INTS, ALL, p & MASK, ORDER);
          m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
          p += pixelStride;
        }
      }
      m = m.add(NANS);
      m = m.lanewise(VectorOperators.XOR, m.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN));
      m.intoMemorySegment(ALL, out + 4L * c & MASK, ORDER);
    }
  }

  /**
   * The maxima of a row of windows of 2 x 2. 64 images of 64 x 24 x 24 took 0.73 ms with {@link #max}, and take 0.13.
   *
   * @param next between windows, {@code toNext} in the result
   */
  static void quadMax(int channels, int pixels, long x, long row, long column, long next, long to, long toNext) {
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long p = x + i * next + 4L * c;
        IntVector v = IntVector.fromMemorySegment(INTS, ALL, p & MASK, ORDER);
        IntVector m = v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS);
        v = IntVector.fromMemorySegment(INTS, ALL, p + column & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row + column & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        m = m.add(NANS);
        m = m.lanewise(VectorOperators.XOR, m.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN));
        m.intoMemorySegment(ALL, to + i * toNext + 4L * c & MASK, ORDER);
      }
    }
  }

  /**
   * The maxima of a row of windows of at most 3 x 3, whose rows and columns are so far from the first. Of a smaller
   * window some are named twice.
   *
   * @param next between windows, {@code toNext} in the result
   */
  static void smallMax(int channels, int pixels, long x, long row1, long row2, long column1, long column2,
      long next, long to, long toNext) {
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long p = x + i * next + 4L * c;
        IntVector v = IntVector.fromMemorySegment(INTS, ALL, p & MASK, ORDER);
        IntVector m = v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS);
        v = IntVector.fromMemorySegment(INTS, ALL, p + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        m = m.add(NANS);
        m = m.lanewise(VectorOperators.XOR, m.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN));
        m.intoMemorySegment(ALL, to + i * toNext + 4L * c & MASK, ORDER);
      }
    }
  }

  static void average(int channels, long window, long rowStride, long pixelStride, int rows, int columns, float divisor,
      long out) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector sum = FloatVector.zero(S);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          sum = sum.add(FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
          p += pixelStride;
        }
      }
      sum.div(divisor).intoMemorySegment(ALL, out + 4L * c & MASK, ORDER);
    }
  }

  /**
   * Gives the gradients of a row of windows to one place of each, where that has the maximum and none before had.
   *
   * @param x that place in each window, {@code xPixel} apart
   * @param maxima of the windows, {@code pixel} apart
   * @param left what is left to give, as far apart: becomes zero where it is given
   * @param target where it is added, {@code targetPixel} apart
   */
  static void maxGradient(int channels, int pixels, long x, long xPixel, long maxima, long left, long pixel,
      long target, long targetPixel) {
    FloatVector zero = FloatVector.zero(S);
    for (int i = 0; i < pixels; i++) {
      long p = x + i * xPixel;
      long m = maxima + i * pixel;
      long l = left + i * pixel;
      long t = target + i * targetPixel;
      for (int c = 0; c < channels; c += COUNT) {
        FloatVector v = FloatVector.fromMemorySegment(S, ALL, p + 4L * c & MASK, ORDER);
        FloatVector g = FloatVector.fromMemorySegment(S, ALL, l + 4L * c & MASK, ORDER);
        // A NaN is unequal to itself, and then the maximum is NaN too.
        VectorMask<Float> here =
            v.compare(VectorOperators.EQ, FloatVector.fromMemorySegment(S, ALL, m + 4L * c & MASK, ORDER))
                .or(v.compare(VectorOperators.NE, v));
        FloatVector.fromMemorySegment(S, ALL, t + 4L * c & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + 4L * c & MASK, ORDER);
        g.blend(zero, here).intoMemorySegment(ALL, l + 4L * c & MASK, ORDER);
      }
    }
  }

  /**
   * Adds the gradient of a row of windows of at most 3 x 3, window by window, where each has its maximum first. Of a
   * smaller window some rows and columns are named twice: what is left to give is zero then.
   *
   * @param next between windows, {@code toNext} in the target
   */
  static void smallGradient(int channels, int pixels, long x, long row1, long row2, long column1, long column2,
      long next, long gradient, long gradientNext, long target, long toRow1, long toRow2, long toColumn1,
      long toColumn2, long toNext) {
    FloatVector zero = FloatVector.zero(S);
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long p = x + i * next + 4L * c;
        IntVector v = IntVector.fromMemorySegment(INTS, ALL, p & MASK, ORDER);
        IntVector m = v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS);
        v = IntVector.fromMemorySegment(INTS, ALL, p + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column1 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        v = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column2 & MASK, ORDER);
        m = m.max(v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS));
        m = m.add(NANS);
        m = m.lanewise(VectorOperators.XOR, m.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN));
        FloatVector max = m.reinterpretAsFloats();
        FloatVector g = FloatVector.fromMemorySegment(S, ALL, gradient + i * gradientNext + 4L * c & MASK, ORDER);
        long t = target + i * toNext + 4L * c;
        FloatVector f = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER);
        // A NaN is unequal to itself, and then the maximum is NaN too.
        VectorMask<Float> here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + column1 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toColumn1 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toColumn1 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + column2 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toColumn2 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toColumn2 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row1 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow1 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow1 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row1 + column1 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow1 + toColumn1 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow1 + toColumn1 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row1 + column2 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow1 + toColumn2 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow1 + toColumn2 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row2 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow2 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow2 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row2 + column1 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow2 + toColumn1 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow2 + toColumn1 & MASK, ORDER);
        g = g.blend(zero, here);
        f = FloatVector.fromMemorySegment(S, ALL, p + row2 + column2 & MASK, ORDER);
        here = f.compare(VectorOperators.EQ, max).or(f.compare(VectorOperators.NE, f));
        FloatVector.fromMemorySegment(S, ALL, t + toRow2 + toColumn2 & MASK, ORDER).add(zero.blend(g, here))
            .intoMemorySegment(ALL, t + toRow2 + toColumn2 & MASK, ORDER);
      }
    }
  }

  /**
   * Ints in the order of a row of floats, and equal only if these are, or are both NaN: zeros have lost their sign, and
   * NaNs are all the same and greatest.
   */
  static void order(int channels, int pixels, long x, long next, long to, long toNext) {
    FloatVector zero = FloatVector.zero(S);
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        IntVector v = FloatVector.fromMemorySegment(S, ALL, x + i * next + 4L * c & MASK, ORDER).add(zero)
            .reinterpretAsInts();
        v.lanewise(VectorOperators.XOR, v.lanewise(VectorOperators.ASHR, 31).and(ALL_BUT_SIGN)).sub(NANS)
            .min(ABOVE_INFINITY).intoMemorySegment(ALL, to + i * toNext + 4L * c & MASK, ORDER);
      }
    }
  }

  /**
   * At which of nine places, counted by rows from {@code first}, windows of at most 3 x 3 have their maximum first, as a
   * float. Of a smaller window some places are named twice, and so they are asked from the last to the first. Beside it,
   * what is given to it.
   *
   * @param x as {@link #order} leaves it
   * @param next between windows, {@code toNext} in the result
   * @param gives from the place of a window to what it gives
   */
  static void places(int channels, int pixels, long x, long row1, long row2, long column1, long column2, long next,
      int first, long gradient, long gradientNext, long to, long toNext, long gives) {
    IntVector place0 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first));
    IntVector place1 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 1));
    IntVector place2 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 2));
    IntVector place3 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 3));
    IntVector place4 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 4));
    IntVector place5 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 5));
    IntVector place6 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 6));
    IntVector place7 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 7));
    IntVector place8 = IntVector.broadcast(INTS, Float.floatToRawIntBits(first + 8));
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long p = x + i * next + 4L * c;
        IntVector x0 = IntVector.fromMemorySegment(INTS, ALL, p & MASK, ORDER);
        IntVector x1 = IntVector.fromMemorySegment(INTS, ALL, p + column1 & MASK, ORDER);
        IntVector x2 = IntVector.fromMemorySegment(INTS, ALL, p + column2 & MASK, ORDER);
        IntVector x3 = IntVector.fromMemorySegment(INTS, ALL, p + row1 & MASK, ORDER);
        IntVector x4 = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column1 & MASK, ORDER);
        IntVector x5 = IntVector.fromMemorySegment(INTS, ALL, p + row1 + column2 & MASK, ORDER);
        IntVector x6 = IntVector.fromMemorySegment(INTS, ALL, p + row2 & MASK, ORDER);
        IntVector x7 = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column1 & MASK, ORDER);
        IntVector x8 = IntVector.fromMemorySegment(INTS, ALL, p + row2 + column2 & MASK, ORDER);
        IntVector m = x0.max(x1).max(x2.max(x3)).max(x4.max(x5).max(x6.max(x7))).max(x8);
        IntVector place = place8;
        place = place.blend(place7, x7.compare(VectorOperators.EQ, m));
        place = place.blend(place6, x6.compare(VectorOperators.EQ, m));
        place = place.blend(place5, x5.compare(VectorOperators.EQ, m));
        place = place.blend(place4, x4.compare(VectorOperators.EQ, m));
        place = place.blend(place3, x3.compare(VectorOperators.EQ, m));
        place = place.blend(place2, x2.compare(VectorOperators.EQ, m));
        place = place.blend(place1, x1.compare(VectorOperators.EQ, m));
        place = place.blend(place0, x0.compare(VectorOperators.EQ, m));
        long t = to + i * toNext + 4L * c;
        place.intoMemorySegment(ALL, t & MASK, ORDER);
        FloatVector.fromMemorySegment(S, ALL, gradient + i * gradientNext + 4L * c & MASK, ORDER)
            .intoMemorySegment(ALL, t + gives & MASK, ORDER);
      }
    }
  }

  /**
   * What pixels are given by the windows of 3 x 3 around them, which are two pixels apart: those in the centre of a
   * window and in the next column, and those in the row below, where the windows of the next row are, too. Sums begin
   * with zero, as elsewhere.
   *
   * @param above {@link #places} of a window, {@code pixel} bytes from one to the next; {@code below} of the next row's
   * @param gives from the place of a window to what it gives
   * @param centre the pixel in the centre of the first window, {@code centreNext} bytes from that of the next
   */
  static void collect(int channels, int windows, long above, long below, long pixel, long gives, long centre,
      long besideCentre, long centreNext, long shared, long besideShared, long sharedNext) {
    FloatVector zero = FloatVector.zero(S);
    for (int i = 0; i < windows; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long a = above + i * pixel + 4L * c;
        long b = below + i * pixel + 4L * c;
        FloatVector place0 = FloatVector.fromMemorySegment(S, ALL, a & MASK, ORDER);
        FloatVector place1 = FloatVector.fromMemorySegment(S, ALL, a + pixel & MASK, ORDER);
        FloatVector place2 = FloatVector.fromMemorySegment(S, ALL, b & MASK, ORDER);
        FloatVector place3 = FloatVector.fromMemorySegment(S, ALL, b + pixel & MASK, ORDER);
        FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, a + gives & MASK, ORDER);
        FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, a + gives + pixel & MASK, ORDER);
        FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, b + gives & MASK, ORDER);
        FloatVector g3 = FloatVector.fromMemorySegment(S, ALL, b + gives + pixel & MASK, ORDER);
        zero.add(g0, place0.compare(VectorOperators.EQ, 4))
            .intoMemorySegment(ALL, centre + i * centreNext + 4L * c & MASK, ORDER);
        zero.add(g0, place0.compare(VectorOperators.EQ, 5)).add(g1, place1.compare(VectorOperators.EQ, 3))
            .intoMemorySegment(ALL, besideCentre + i * centreNext + 4L * c & MASK, ORDER);
        zero.add(g0, place0.compare(VectorOperators.EQ, 7)).add(g2, place2.compare(VectorOperators.EQ, 1))
            .intoMemorySegment(ALL, shared + i * sharedNext + 4L * c & MASK, ORDER);
        zero.add(g0, place0.compare(VectorOperators.EQ, 8)).add(g1, place1.compare(VectorOperators.EQ, 6))
            .add(g2, place2.compare(VectorOperators.EQ, 2)).add(g3, place3.compare(VectorOperators.EQ, 0))
            .intoMemorySegment(ALL, besideShared + i * sharedNext + 4L * c & MASK, ORDER);
      }
    }
  }

  /**
   * The gradient of a row of windows of 2 x 2 that do not overlap: all four places are written.
   *
   * @param next between windows, {@code targetNext} in the target
   */
  static void quadGradient(int channels, int pixels, long x, long xRow, long xPixel, long next, long gradient,
      long gradientPixel, long target, long targetRow, long targetPixel, long targetNext) {
    FloatVector zero = FloatVector.zero(S);
    for (int i = 0; i < pixels; i++) {
      for (int c = 0; c < channels; c += COUNT) {
        long p = x + i * next + 4L * c;
        long l = gradient + i * gradientPixel + 4L * c;
        long t = target + i * targetNext + 4L * c;
        FloatVector a = FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER);
        FloatVector b = FloatVector.fromMemorySegment(S, ALL, p + xPixel & MASK, ORDER);
        FloatVector d = FloatVector.fromMemorySegment(S, ALL, p + xRow & MASK, ORDER);
        FloatVector e = FloatVector.fromMemorySegment(S, ALL, p + xRow + xPixel & MASK, ORDER);
        FloatVector m = a.blend(b, b.compare(VectorOperators.GT, a).or(b.compare(VectorOperators.NE, b)));
        m = m.blend(d, d.compare(VectorOperators.GT, m).or(d.compare(VectorOperators.NE, d)));
        m = m.blend(e, e.compare(VectorOperators.GT, m).or(e.compare(VectorOperators.NE, e)));
        // A sum that starts with zero, as elsewhere.
        FloatVector g = FloatVector.fromMemorySegment(S, ALL, l & MASK, ORDER).add(zero);
        VectorMask<Float> here = a.compare(VectorOperators.EQ, m).or(a.compare(VectorOperators.NE, a));
        zero.blend(g, here).intoMemorySegment(ALL, t & MASK, ORDER);
        g = g.blend(zero, here);
        here = b.compare(VectorOperators.EQ, m).or(b.compare(VectorOperators.NE, b));
        zero.blend(g, here).intoMemorySegment(ALL, t + targetPixel & MASK, ORDER);
        g = g.blend(zero, here);
        here = d.compare(VectorOperators.EQ, m).or(d.compare(VectorOperators.NE, d));
        zero.blend(g, here).intoMemorySegment(ALL, t + targetRow & MASK, ORDER);
        // The maximum is somewhere.
        g.blend(zero, here).intoMemorySegment(ALL, t + targetRow + targetPixel & MASK, ORDER);
      }
    }
  }

  static void averageGradient(int channels, long window, long rowStride, long pixelStride, int rows, int columns,
      float divisor,
      long gradient) {
    for (int c = 0; c < channels; c += COUNT) {
      FloatVector share = FloatVector.fromMemorySegment(S, ALL, gradient + 4L * c & MASK, ORDER).div(divisor);
      for (int r = 0; r < rows; r++) {
        long p = window + 4L * c + r * rowStride;
        for (int q = 0; q < columns; q++) {
          FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER).add(share).intoMemorySegment(ALL, p & MASK, ORDER);
          p += pixelStride;
        }
      }
    }
  }
}
