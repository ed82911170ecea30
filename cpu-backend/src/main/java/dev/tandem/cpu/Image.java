package dev.tandem.cpu;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.Layout;

/**
 * An operand {@code [images, channels, height, width]} in whatever strides, to be read and written as channels-last
 * bands of rows. The strides are in bytes.
 */
record Image(long address, int images, int channels, int height, int width, long imageStride, long channelStride,
    long rowStride,
    long pixelStride) {

  static Image of(Operand o) {
    Layout l = o.layout();
    return new Image(((CpuStorage) o.storage()).address() + 4 * l.offset(), l.shape().dim(0), l.shape().dim(1),
        l.shape().dim(2),
        l.shape().dim(3), 4 * l.stride(0), 4 * l.stride(1), 4 * l.stride(2), 4 * l.stride(3));
  }

  /** Whether the channels of a pixel follow each other. */
  boolean channelsLast() {
    return channelStride == 4 || channels == 1;
  }

  private boolean densePixels() {
    return channelsLast() && pixelStride == 4L * channels;
  }

  long at(int image, int row) {
    return address + image * imageStride + row * rowStride;
  }

  /**
   * The address of rows {@code fromRow} to {@code toRow} and columns {@code fromColumn} to {@code toColumn} of an image, pixel after
   * pixel; what lies outside it is zero. In place if that can be, else copied to this thread's {@code slot}. Rows are
   * {@link #bandRow} apart: an object of both numbers, for every band, C2 left out in some launches and in others not.
   */
  long band(int image, int fromRow, int toRow, int fromColumn, int toColumn, Workspace.Slot slot) {
    return isInPlace(fromRow, toRow, fromColumn, toColumn) ? at(image, fromRow) + fromColumn * pixelStride
        : copy(image, fromRow, toRow, fromColumn, toColumn, slot);
  }

  /** Bytes between rows of a {@link #band}. */
  long bandRow(int fromRow, int toRow, int fromColumn, int toColumn) {
    return isInPlace(fromRow, toRow, fromColumn, toColumn) ? rowStride : copyRow(fromColumn, toColumn);
  }

  private boolean isInPlace(int fromRow, int toRow, int fromColumn, int toColumn) {
    return densePixels() && fromRow >= 0 && toRow <= height && fromColumn >= 0 && toColumn <= width;
  }

  /** Bytes between rows of a {@link #copy}. */
  long copyRow(int fromColumn, int toColumn) {
    return 4L * (toColumn - fromColumn) * channels;
  }

  /** A {@link #band} that is copied in any case. */
  long copy(int image, int fromRow, int toRow, int fromColumn, int toColumn, Workspace.Slot slot) {
    int columns = toColumn - fromColumn;
    long to = Workspace.floats(slot, (long) (toRow - fromRow) * columns * channels);
    boolean inside = fromRow >= 0 && toRow <= height;
    long pitch = 4L * columns * channels;
    if (inside && fromColumn == 0 && columns == width && rowStride == width * pixelStride) {
      move(at(image, fromRow), to, (toRow - fromRow) * width);
      return to;
    }
    int left = Math.clamp(-(long) fromColumn, 0, columns);
    int right = Math.clamp((long) fromColumn + columns - width, 0, columns - left);
    int middle = columns - left - right;
    for (int r = fromRow; r < toRow; r++) {
      long row = to + (r - fromRow) * pitch;
      if (r < 0 || r >= height) {
        Memory.zero(row, pitch);
        continue;
      }
      Memory.zero(row, 4L * left * channels);
      move(at(image, r) + (fromColumn + left) * pixelStride, row + 4L * left * channels, middle);
      Memory.zero(row + 4L * (left + middle) * channels, 4L * right * channels);
    }
    return to;
  }

  private void move(long from, long to, int pixels) {
    if (densePixels()) {
      Memory.copy(from, to, 4L * pixels * channels);
    } else {
      Panels.move(from, pixelStride, channels == 1 ? 4 : channelStride, to, 4L * channels, 4, pixels, channels, false);
    }
  }

  /** Writes rows {@code fromRow} to {@code toRow} of an image from a dense channels-last copy. */
  void put(int image, int fromRow, int toRow, long from) {
    boolean dense = rowStride == width * pixelStride;
    int parts = dense ? 1 : toRow - fromRow;
    int pixels = dense ? (toRow - fromRow) * width : width;
    for (int r = 0; r < parts; r++) {
      Panels.move(from + 4L * r * width * channels, 4L * channels, 4, at(image, fromRow + r), pixelStride,
          channelStride, pixels, channels,
          false);
    }
  }

  /** Zeros in rows at {@code address}, {@code bandRow} bytes apart, with {@code pixel} bytes from one pixel to the next. */
  void clear(long address, long bandRow, int rows, long pixel) {
    for (int r = 0; r < rows; r++) {
      long row = address + r * bandRow;
      if (pixel == 4L * channels) {
        Memory.zero(row, width * pixel);
        continue;
      }
      for (int q = 0; q < width; q++) {
        Memory.zero(row + q * pixel, 4L * channels);
      }
    }
  }

  /** Zeros in some rows and channels of the first image, which has channels last. */
  void clear(int fromRow, int toRow, int fromChannel, int toChannel) {
    boolean dense = densePixels() && fromChannel == 0 && toChannel == channels;
    for (int r = fromRow; r < toRow; r++) {
      if (dense) {
        Memory.zero(at(0, r), width * pixelStride);
        continue;
      }
      for (int q = 0; q < width; q++) {
        Memory.zero(at(0, r) + q * pixelStride + 4L * fromChannel, 4L * (toChannel - fromChannel));
      }
    }
  }
}
