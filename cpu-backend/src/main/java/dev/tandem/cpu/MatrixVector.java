package dev.tandem.cpu;

import org.jspecify.annotations.Nullable;

/**
 * {@code y [n] (+)= x [k] * M [k, n]}, the product with one row or one column. Strides and leading dimensions are in
 * bytes. As in {@link Gemm} rounding does not depend on how the work is cut.
 *
 * @param column whether M lies column after column, {@code ld} apart, so that y is made of dot products
 */
record MatrixVector(int n, int k, boolean column, long ld, long xStride, long yStride, boolean accumulate) {
  /** Multiplications that are worth a chunk: memory-bound, so fewer than for a matrix. */
  private static final long CHUNK_WORK = 1 << 16;
  /** Columns of a chunk are a multiple of this. */
  private static final int GRAIN = Tiles.VECTOR_TILE * Tiles.LANES;

  /** Runs on the team, or on this thread alone if there is none. */
  void run(long x, long matrix, long y, @Nullable Team team) {
    int grains = (int) (((long) n + GRAIN - 1) / GRAIN);
    int chunks = Math.clamp((long) n * k / CHUNK_WORK, 1, Math.clamp(grains, 1, 64));
    long dense = column ? dense(x) : x;
    Gemm.parallel(team, chunks, (worker, chunk) -> {
      int from = Gemm.cut(grains, chunks, chunk) * GRAIN;
      int to = (int) Math.min(n, (long) Gemm.cut(grains, chunks, chunk + 1) * GRAIN);
      if (column) {
        dots(dense, matrix, y, from, to);
      } else {
        combine(x, matrix, y, from, to);
      }
    });
  }

  private long dense(long x) {
    if (xStride == 4 || k < 2) {
      return x;
    }
    long copy = Workspace.floats(Workspace.Slot.LEFT_PANELS, k);
    Panels.move(x, 0, xStride, copy, 0, 4, 1, k, false);
    return copy;
  }

  private void dots(long x, long matrix, long y, int from, int to) {
    long scratch = Workspace.floats(Workspace.Slot.TILE, Tiles.LANES);
    for (int j = from; j < to; j += 4) {
      int rows = Math.min(4, to - j);
      if (Lanes.AVAILABLE) {
        VectorMoves.dots(rows, k, x, matrix + j * ld, ld, y + j * yStride, yStride, accumulate, scratch);
        continue;
      }
      for (int r = j; r < j + rows; r++) {
        float s = 0;
        for (int p = 0; p < k; p++) {
          s += Memory.getFloat(x + 4L * p) * Memory.getFloat(matrix + r * ld + 4L * p);
        }
        long t = y + r * yStride;
        Memory.setFloat(t, accumulate ? Memory.getFloat(t) + s : s);
      }
    }
  }

  /** Rows of M times the numbers of x, summed; in blocks of k as in {@link Gemm}. */
  private void combine(long x, long matrix, long y, int from, int to) {
    TileKernel wide = Tiles.get(TileKernel.Layout.COLUMNS, 1, Tiles.VECTOR_TILE);
    TileKernel narrow = Tiles.get(TileKernel.Layout.COLUMNS, 1, 1);
    long edge = Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    int blocks = (int) Math.max(1, ((long) k + Gemm.DEPTH - 1) / Gemm.DEPTH);
    for (int q = 0; q < blocks; q++) {
      int p = Gemm.cut(k, blocks, q);
      int depth = Gemm.cut(k, blocks, q + 1) - p;
      long xAt = x + p * xStride;
      boolean add = accumulate || q > 0;
      int j = from;
      for (; yStride == 4 && j + GRAIN <= to; j += GRAIN) {
        Tiles.run(wide, 1, depth, xAt, 0, xStride, 0, matrix + p * ld + 4L * j, ld, 0, add ? edge : y + 4L * j, 0);
        if (add) {
          Panels.store(edge, 0, y + 4L * j, 0, 1, GRAIN, true);
        }
      }
      for (; j < to; j += Tiles.LANES) {
        int cols = Math.min(Tiles.LANES, to - j);
        long m = matrix + p * ld + 4L * j;
        boolean direct = yStride == 4 && cols == Tiles.LANES && !add;
        Tiles.run(narrow, 1, depth, xAt, 0, xStride, 0, m, ld, 0, direct ? y + 4L * j : edge, 0);
        if (!direct) {
          Panels.move(edge, 0, 4, y + j * yStride, 0, yStride, 1, cols, add);
        }
      }
    }
  }
}
