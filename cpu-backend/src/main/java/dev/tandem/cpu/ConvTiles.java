package dev.tandem.cpu;

import org.jspecify.annotations.Nullable;

/** Tiles of pixels by channels: what the forward pass and the gradient by the image have in common. */
final class ConvTiles {
  private ConvTiles() {
  }

  /**
   * How a tile goes over the taps of its pixels: in one call of the kernel, or, should the last number of a pixel's taps lie
   * beyond the reach of {@link TileKernel}'s offsets, in a call for each tap.
   *
   * @param offsets of the numbers that a call sums
   * @param rowStep bytes from one row of taps to the next, {@code columnStep} from one tap of a row to the next
   */
  record Taps(int calls, int columns, int inner, long offsets, long rowStep, long columnStep) {
    /** Of {@code rows} x {@code columns} taps over {@code channels} that follow each other. */
    static Taps of(int rows, int columns, int channels, long rowStep, long columnStep) {
      int taps = rows * columns;
      long reach = (rows - 1) * rowStep + (columns - 1) * columnStep + 4L * channels;
      if (taps == 1 || reach > Integer.MAX_VALUE) {
        return new Taps(taps, columns, channels, Tiles.steps(channels), rowStep, columnStep);
      }
      long offsets = Workspace.floats(Workspace.Slot.OFFSETS, (long) taps * channels);
      long to = offsets;
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          int first = (int) (r * rowStep + c * columnStep);
          for (int i = 0; i < channels; i++) {
            Memory.setInt(to + 4L * i, first + 4 * i);
          }
          to += 4L * channels;
        }
      }
      return new Taps(1, 1, taps * channels, offsets, rowStep, columnStep);
    }

    /** Bytes from the first tap to the one that a call begins with. */
    long start(int call) {
      return call / columns * rowStep + call % columns * columnStep;
    }
  }

  /**
   * What each worker has gone over last, in an operation that may keep it: it mostly goes over the same in the next image, and then has
   * neither an object nor a table of offsets to make.
   */
  static final class Walks {
    private record Walk(int rows, int columns, int channels, Taps taps) {
    }

    private final @Nullable Walk[] last;

    Walks(Team team) {
      last = new Walk[team.size()];
    }

    /** {@link Taps#of}. */
    Taps of(int worker, int rows, int columns, int channels, long rowStep, long columnStep) {
      Walk w = last[worker];
      if (w == null || w.rows != rows || w.columns != columns || w.channels != channels
          || w.taps.rowStep != rowStep || w.taps.columnStep != columnStep) {
        w = new Walk(rows, columns, channels, Taps.of(rows, columns, channels, rowStep, columnStep));
        last[worker] = w;
      }
      return w.taps;
    }
  }

  /**
   * Some channels of {@code rows} x {@code pixels} output pixels. Strides are in bytes.
   *
   * @param a the first tap of the first pixel
   * @param panel the weights as [tap][in][one or two vectors]
   * @param channels how many of the panel's are wanted
   */
  static void correlate(Taps taps, int rows, int pixels, long a, long aRow, long aPixel, long panel, int channels,
      long out, long outRow,
      long outPixel) {
    // Rows that follow each other on both sides are one.
    boolean joined = aRow == pixels * aPixel && outRow == pixels * outPixel;
    int lines = joined ? 1 : rows;
    int length = joined ? rows * pixels : pixels;
    int vectors = Tiles.vectors(channels);
    long width = 4L * vectors * Tiles.LANES;
    boolean direct = 4L * channels == width && taps.calls == 1;
    long edge = direct ? 0 : Workspace.floats(Workspace.Slot.TILE, (long) Tiles.NARROW_ROWS * Tiles.WIDTH);
    int tallest = Tiles.rows(TileKernel.Layout.OFFSETS, vectors);
    int parts = (length + tallest - 1) / tallest;
    boolean equal = Tiles.areEqual(TileKernel.Layout.OFFSETS, length, vectors);
    for (int r = 0; r < lines; r++) {
      for (int part = 0; part < parts; part++) {
        int q = equal ? Gemm.cut(length, parts, part) : Math.min(part * tallest, length - tallest);
        int height = equal ? Gemm.cut(length, parts, part + 1) - q : tallest;
        TileKernel kernel = Tiles.get(TileKernel.Layout.OFFSETS, height, vectors);
        long aAt = a + r * aRow + q * aPixel;
        long outAt = out + r * outRow + q * outPixel;
        for (int call = 0; call < taps.calls; call++) {
          Tiles.run(kernel, 1, taps.inner, aAt + taps.start(call), aPixel, taps.offsets, 0,
              panel + call * taps.inner * width, width, 0, direct ? outAt : edge, direct ? outPixel : width);
          if (!direct) {
            Panels.store(edge, width, outAt, outPixel, height, channels, call > 0);
          }
        }
      }
    }
  }
}
