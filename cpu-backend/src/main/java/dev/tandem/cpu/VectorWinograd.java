package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The transforms of {@link Winograd}, each over some whole vectors of channels or filters. Loaded only when {@link Lanes#AVAILABLE}.
 * Strides are in bytes; {@code step} is the distance between the 16 places of a tile.
 *
 * <p>A method makes one row of a result: all four rows at once are more calls of the Vector API than C2 inlines in one method.
 * Fewer than no tiles or channels are turns of an idle loop, but not in {@link #gradOutput}, which would make an object in every call.
 */
final class VectorWinograd {
  private static final VectorSpecies<Float> S = FloatLanes.SPECIES;
  private static final ByteOrder ORDER = FloatLanes.ORDER;
  private static final MemorySegment ALL = Memory.ALL;
  private static final long MASK = Memory.MASK;
  private static final int COUNT = FloatLanes.COUNT;
  private static final long LINE = 4L * COUNT;
  private static final int TAPS = 9;
  /** Operations of a turn, at least. */
  private static final int IMAGE_OPERATIONS = 12;
  private static final int OUTPUT_OPERATIONS = 24;

  /** A transform has four rows of a quarter of the turns. */
  private static final int QUARTER = WarmUp.TURNS / 4;
  private static final long STEP = 2 * LINE * QUARTER;
  private static final long ROW = 2 * LINE * (QUARTER + 1);
  private static final WarmUp IMAGE = new WarmUp(
      turns -> image(Math.min(turns, QUARTER), WarmUp.ZEROS, ROW, LINE, WarmUp.OUTPUT, STEP, LINE, STEP,
          turns < 0 ? turns : COUNT),
      IMAGE_OPERATIONS);
  /** What a convolution and its gradient by the image need. */
  static final List<WarmUp> CORRELATION = List.of(
      new WarmUp(turns -> filter(WarmUp.ZEROS, WarmUp.OUTPUT, STEP, LINE, Math.min(turns, QUARTER)), OUTPUT_OPERATIONS),
      IMAGE,
      new WarmUp(turns -> output(Math.min(turns, QUARTER), WarmUp.ZEROS, STEP, LINE, 2 * LINE, WarmUp.OUTPUT,
          WarmUp.OUTPUT, WarmUp.OUTPUT, WarmUp.OUTPUT, COUNT), OUTPUT_OPERATIONS));
  /** What the gradient by the weight needs. */
  static final List<WarmUp> WEIGHT_GRADIENT = List.of(IMAGE,
      new WarmUp(turns -> gradOutput(Math.clamp(turns, 0, QUARTER), WarmUp.ZEROS, ROW, LINE, WarmUp.OUTPUT, STEP, STEP,
          COUNT),
          IMAGE_OPERATIONS),
      new WarmUp(turns -> gradFilter(WarmUp.ZEROS, STEP, LINE, WarmUp.OUTPUT, Math.min(turns, QUARTER)),
          OUTPUT_OPERATIONS));

  private VectorWinograd() {
  }

  /**
   * {@code B^T d B} of a row of tiles, each of 4 x 4 pixels, the first at {@code from}, each two pixels on.
   *
   * @param tile between tiles of the result
   * @param group between vectors of channels of the result
   */
  static void image(int tiles, long from, long row, long pixel, long to, long step, long tile, long group,
      int channels) {
    imageRow(tiles, from, from + 2 * row, -1, pixel, to, step, tile, group, channels);
    imageRow(tiles, from + row, from + 2 * row, 1, pixel, to + 4 * step, step, tile, group, channels);
    imageRow(tiles, from + 2 * row, from + row, -1, pixel, to + 8 * step, step, tile, group, channels);
    imageRow(tiles, from + row, from + 3 * row, -1, pixel, to + 12 * step, step, tile, group, channels);
  }

  /** The first two columns of a tile are the last two of the one before. */
  private static void imageRow(int tiles, long a, long b, float sign, long pixel, long to, long step, long tile,
      long group, int channels) {
    if (channels < 0) {
      for (int i = channels; i < 0; i++) {
        // Idle.
      }
      return;
    }
    FloatVector s = FloatVector.broadcast(S, sign);
    for (int c = 0; c < channels; c += COUNT) {
      long p = a + 4L * c;
      long q = b + 4L * c;
      long t = to + c / COUNT * group;
      FloatVector d0 = FloatVector.fromMemorySegment(S, ALL, q & MASK, ORDER)
          .fma(s, FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
      FloatVector d1 = FloatVector.fromMemorySegment(S, ALL, q + pixel & MASK, ORDER)
          .fma(s, FloatVector.fromMemorySegment(S, ALL, p + pixel & MASK, ORDER));
      for (int i = 0; i < tiles; i++) {
        p += 2 * pixel;
        q += 2 * pixel;
        FloatVector d2 = FloatVector.fromMemorySegment(S, ALL, q & MASK, ORDER)
            .fma(s, FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER));
        FloatVector d3 = FloatVector.fromMemorySegment(S, ALL, q + pixel & MASK, ORDER)
            .fma(s, FloatVector.fromMemorySegment(S, ALL, p + pixel & MASK, ORDER));
        d0.sub(d2).intoMemorySegment(ALL, t & MASK, ORDER);
        d1.add(d2).intoMemorySegment(ALL, t + step & MASK, ORDER);
        d2.sub(d1).intoMemorySegment(ALL, t + 2 * step & MASK, ORDER);
        d1.sub(d3).intoMemorySegment(ALL, t + 3 * step & MASK, ORDER);
        d0 = d2;
        d1 = d3;
        t += tile;
      }
    }
  }

  /**
   * {@code A^T m A} of a row of tiles, each the 2 x 2 pixels of the output.
   *
   * @param tile between tiles of m
   * @param pair between the pixels of neighbouring tiles
   * @param y00 where the upper left pixel of the first tile goes, and so on
   */
  static void output(int tiles, long from, long step, long tile, long pair, long y00, long y01, long y10, long y11,
      int filters) {
    outputRow(tiles, from, from + 4 * step, from + 8 * step, 1, step, tile, pair, y00, y01, filters);
    outputRow(tiles, from + 4 * step, from + 8 * step, from + 12 * step, -1, step, tile, pair, y10, y11, filters);
  }

  private static void outputRow(int tiles, long a, long b, long c, float sign, long step, long tile, long pair,
      long left, long right, int filters) {
    if (tiles < 0) {
      for (int i = tiles; i < 0; i++) {
        // Idle.
      }
      return;
    }
    FloatVector s = FloatVector.broadcast(S, sign);
    for (int i = 0; i < tiles; i++) {
      for (int f = 0; f < filters; f += COUNT) {
        long at = i * tile + 4L * f;
        long p = a + at;
        long q = b + at;
        long r = c + at;
        FloatVector m0 = FloatVector.fromMemorySegment(S, ALL, r & MASK, ORDER).fma(s,
            FloatVector.fromMemorySegment(S, ALL, q & MASK, ORDER)
                .fma(s, FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER)));
        FloatVector m1 = FloatVector.fromMemorySegment(S, ALL, r + step & MASK, ORDER).fma(s,
            FloatVector.fromMemorySegment(S, ALL, q + step & MASK, ORDER)
                .fma(s, FloatVector.fromMemorySegment(S, ALL, p + step & MASK, ORDER)));
        FloatVector m2 = FloatVector.fromMemorySegment(S, ALL, r + 2 * step & MASK, ORDER).fma(s,
            FloatVector.fromMemorySegment(S, ALL, q + 2 * step & MASK, ORDER)
                .fma(s, FloatVector.fromMemorySegment(S, ALL, p + 2 * step & MASK, ORDER)));
        FloatVector m3 = FloatVector.fromMemorySegment(S, ALL, r + 3 * step & MASK, ORDER).fma(s,
            FloatVector.fromMemorySegment(S, ALL, q + 3 * step & MASK, ORDER)
                .fma(s, FloatVector.fromMemorySegment(S, ALL, p + 3 * step & MASK, ORDER)));
        long y = i * pair + 4L * f;
        m0.add(m1).add(m2).intoMemorySegment(ALL, left + y & MASK, ORDER);
        m1.sub(m2).sub(m3).intoMemorySegment(ALL, right + y & MASK, ORDER);
      }
    }
  }

  /**
   * {@code A e A^T} of the gradient of a row of 2 x 2 pixels, to panels of {@link Tiles#WIDTH} filters.
   *
   * @param panel between panels, where a tile follows the other
   */
  static void gradOutput(int tiles, long from, long row, long pixel, long to, long step, long panel, int filters) {
    gradOutputRow(tiles, from, row, 1, 0, pixel, to, step, panel, filters);
    gradOutputRow(tiles, from, row, 1, 1, pixel, to + 4 * step, step, panel, filters);
    gradOutputRow(tiles, from, row, 1, -1, pixel, to + 8 * step, step, panel, filters);
    gradOutputRow(tiles, from, row, 0, -1, pixel, to + 12 * step, step, panel, filters);
  }

  private static void gradOutputRow(int tiles, long from, long row, float upper, float lower, long pixel, long to,
      long step, long panel, int filters) {
    FloatVector u = FloatVector.broadcast(S, upper);
    FloatVector l = FloatVector.broadcast(S, lower);
    FloatVector none = FloatVector.zero(S);
    for (int f = 0; f < filters; f += COUNT) {
      long p = from + 4L * f;
      long t = to + f / Tiles.WIDTH * panel + 4L * (f % Tiles.WIDTH);
      for (int i = 0; i < tiles; i++) {
        long q = p + row;
        FloatVector e0 = FloatVector.fromMemorySegment(S, ALL, q & MASK, ORDER)
            .fma(l, FloatVector.fromMemorySegment(S, ALL, p & MASK, ORDER).mul(u));
        FloatVector e1 = FloatVector.fromMemorySegment(S, ALL, q + pixel & MASK, ORDER)
            .fma(l, FloatVector.fromMemorySegment(S, ALL, p + pixel & MASK, ORDER).mul(u));
        e0.intoMemorySegment(ALL, t & MASK, ORDER);
        e0.add(e1).intoMemorySegment(ALL, t + step & MASK, ORDER);
        e0.sub(e1).intoMemorySegment(ALL, t + 2 * step & MASK, ORDER);
        none.sub(e1).intoMemorySegment(ALL, t + 3 * step & MASK, ORDER);
        p += 2 * pixel;
        t += 2 * LINE;
      }
    }
  }

  /**
   * {@code G g G^T} for a vector of filters.
   *
   * @param from the filters as [channel][tap][one vector]
   * @param toRow between channels of the result
   */
  static void filter(long from, long to, long step, long toRow, int channels) {
    filterRow(from, 1, 0, 0, to, step, toRow, channels);
    filterRow(from, 0.5f, 0.5f, 0.5f, to + 4 * step, step, toRow, channels);
    filterRow(from, 0.5f, -0.5f, 0.5f, to + 8 * step, step, toRow, channels);
    filterRow(from, 0, 0, 1, to + 12 * step, step, toRow, channels);
  }

  private static void filterRow(long from, float first, float second, float third, long to, long step, long toRow,
      int channels) {
    if (channels < 0) {
      for (int i = channels; i < 0; i++) {
        // Idle.
      }
      return;
    }
    FloatVector a = FloatVector.broadcast(S, first);
    FloatVector b = FloatVector.broadcast(S, second);
    FloatVector c = FloatVector.broadcast(S, third);
    FloatVector half = FloatVector.broadcast(S, 0.5f);
    long g = from;
    long t = to;
    for (int i = 0; i < channels; i++) {
      FloatVector g0 = FloatVector.fromMemorySegment(S, ALL, g & MASK, ORDER).mul(a);
      FloatVector g1 = FloatVector.fromMemorySegment(S, ALL, g + LINE & MASK, ORDER).mul(a);
      FloatVector g2 = FloatVector.fromMemorySegment(S, ALL, g + 2 * LINE & MASK, ORDER).mul(a);
      g0 = FloatVector.fromMemorySegment(S, ALL, g + 3 * LINE & MASK, ORDER).fma(b, g0);
      g1 = FloatVector.fromMemorySegment(S, ALL, g + 4 * LINE & MASK, ORDER).fma(b, g1);
      g2 = FloatVector.fromMemorySegment(S, ALL, g + 5 * LINE & MASK, ORDER).fma(b, g2);
      g0 = FloatVector.fromMemorySegment(S, ALL, g + 6 * LINE & MASK, ORDER).fma(c, g0);
      g1 = FloatVector.fromMemorySegment(S, ALL, g + 7 * LINE & MASK, ORDER).fma(c, g1);
      g2 = FloatVector.fromMemorySegment(S, ALL, g + 8 * LINE & MASK, ORDER).fma(c, g2);
      FloatVector outer = g0.add(g2);
      g0.intoMemorySegment(ALL, t & MASK, ORDER);
      outer.add(g1).mul(half).intoMemorySegment(ALL, t + step & MASK, ORDER);
      outer.sub(g1).mul(half).intoMemorySegment(ALL, t + 2 * step & MASK, ORDER);
      g2.intoMemorySegment(ALL, t + 3 * step & MASK, ORDER);
      g += TAPS * LINE;
      t += toRow;
    }
  }

  /**
   * {@code G^T u G} for a vector of filters: what {@link #filter} takes, of the gradient of what it makes.
   *
   * @param fromRow between channels
   */
  static void gradFilter(long from, long step, long fromRow, long to, int channels) {
    gradFilterRow(from, 1, 0.5f, 0.5f, 0, step, fromRow, to, channels);
    gradFilterRow(from, 0, 0.5f, -0.5f, 0, step, fromRow, to + 3 * LINE, channels);
    gradFilterRow(from, 0, 0.5f, 0.5f, 1, step, fromRow, to + 6 * LINE, channels);
  }

  private static void gradFilterRow(long from, float first, float second, float third, float fourth, long step,
      long fromRow, long to, int channels) {
    if (channels < 0) {
      for (int i = channels; i < 0; i++) {
        // Idle.
      }
      return;
    }
    FloatVector a = FloatVector.broadcast(S, first);
    FloatVector b = FloatVector.broadcast(S, second);
    FloatVector c = FloatVector.broadcast(S, third);
    FloatVector d = FloatVector.broadcast(S, fourth);
    FloatVector half = FloatVector.broadcast(S, 0.5f);
    long u = from;
    long t = to;
    for (int i = 0; i < channels; i++) {
      long v = u + 4 * step;
      long w = u + 8 * step;
      long z = u + 12 * step;
      FloatVector u0 = FloatVector.fromMemorySegment(S, ALL, u & MASK, ORDER).mul(a);
      FloatVector u1 = FloatVector.fromMemorySegment(S, ALL, u + step & MASK, ORDER).mul(a);
      FloatVector u2 = FloatVector.fromMemorySegment(S, ALL, u + 2 * step & MASK, ORDER).mul(a);
      FloatVector u3 = FloatVector.fromMemorySegment(S, ALL, u + 3 * step & MASK, ORDER).mul(a);
      u0 = FloatVector.fromMemorySegment(S, ALL, v & MASK, ORDER).fma(b, u0);
      u1 = FloatVector.fromMemorySegment(S, ALL, v + step & MASK, ORDER).fma(b, u1);
      u2 = FloatVector.fromMemorySegment(S, ALL, v + 2 * step & MASK, ORDER).fma(b, u2);
      u3 = FloatVector.fromMemorySegment(S, ALL, v + 3 * step & MASK, ORDER).fma(b, u3);
      u0 = FloatVector.fromMemorySegment(S, ALL, w & MASK, ORDER).fma(c, u0);
      u1 = FloatVector.fromMemorySegment(S, ALL, w + step & MASK, ORDER).fma(c, u1);
      u2 = FloatVector.fromMemorySegment(S, ALL, w + 2 * step & MASK, ORDER).fma(c, u2);
      u3 = FloatVector.fromMemorySegment(S, ALL, w + 3 * step & MASK, ORDER).fma(c, u3);
      u0 = FloatVector.fromMemorySegment(S, ALL, z & MASK, ORDER).fma(d, u0);
      u1 = FloatVector.fromMemorySegment(S, ALL, z + step & MASK, ORDER).fma(d, u1);
      u2 = FloatVector.fromMemorySegment(S, ALL, z + 2 * step & MASK, ORDER).fma(d, u2);
      u3 = FloatVector.fromMemorySegment(S, ALL, z + 3 * step & MASK, ORDER).fma(d, u3);
      FloatVector middle = u1.add(u2).mul(half);
      u0.add(middle).intoMemorySegment(ALL, t & MASK, ORDER);
      u1.sub(u2).mul(half).intoMemorySegment(ALL, t + LINE & MASK, ORDER);
      middle.add(u3).intoMemorySegment(ALL, t + 2 * LINE & MASK, ORDER);
      u += fromRow;
      t += TAPS * LINE;
    }
  }
}
