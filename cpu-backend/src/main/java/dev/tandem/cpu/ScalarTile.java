package dev.tandem.cpu;

import dev.tandem.cpu.TileKernel.Layout;

/**
 * A tile without vector instructions: where there are none, and in place of one that is not compiled yet.
 *
 * @param fused multiplies and adds in one rounding, as vectors do, to the same bits. Else in two: {@link Math#fma} is as slow as
 *     BigDecimal on a processor that lacks it.
 */
record ScalarTile(int rows, int vectors, Layout layout, boolean fused) implements TileKernel {
  static final int COLUMNS = 4;

  @Override
  public void run(int outer, int inner, long a, long aRow, long aInner, long aOuter, long b, long bInner, long bOuter,
      long c, long cRow) {
    boolean column = layout == Layout.COLUMNS;
    long row = column ? 4 : aRow;
    for (int i = 0; i < rows; i++) {
      for (long at = 0; at < 4L * vectors * Tiles.LANES; at += 4L * COLUMNS) {
        quad(column ? outer : 1, inner, a + i * row, aInner, aOuter, b + at, bInner, bOuter, c + i * cRow + at);
      }
    }
  }

  private void quad(int outer, int inner, long a, long aInner, long aOuter, long b, long bInner, long bOuter,
      long c) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    for (int o = 0; o < outer; o++) {
      long p = a + o * aOuter;
      long q = b + o * bOuter;
      for (int k = 0; k < inner; k++) {
        float x = Memory.getFloat(p + offset(aInner, k));
        s0 = add(s0, x, Memory.getFloat(q));
        s1 = add(s1, x, Memory.getFloat(q + 4));
        s2 = add(s2, x, Memory.getFloat(q + 8));
        s3 = add(s3, x, Memory.getFloat(q + 12));
        q += bInner;
      }
    }
    Memory.setFloat(c, s0);
    Memory.setFloat(c + 4, s1);
    Memory.setFloat(c + 8, s2);
    Memory.setFloat(c + 12, s3);
  }

  private float add(float sum, float x, float y) {
    return fused ? Math.fma(x, y, sum) : sum + x * y;
  }

  private long offset(long aInner, int k) {
    return switch (layout) {
      case COLUMNS -> k * aInner;
      case OFFSETS -> Memory.getInt(aInner + 4L * k);
      case ROWS -> 4L * k;
    };
  }
}
