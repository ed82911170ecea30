package dev.tandem.cpu;

import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.Shape;

/**
 * The sizes of a convolution of images {@code [images, channels, height, width]} to {@code [images, filters, outHeight,
 * outWidth]}.
 */
record ConvShape(int images, int channels, int height, int width, int filters, int kernelH, int kernelW, int outHeight,
    int outWidth,
    ConvGeometry geometry) {
  /** Floats of a band of an image that leave room for weights in the second-level cache. */
  private static final int BAND = 1 << 16;
  private static final int SPREAD = 128;
  /** Pieces of work that keep many threads busy. */
  private static final int PIECES = 16;

  static ConvShape of(Shape x, Shape weight, Shape y, ConvGeometry geometry) {
    return new ConvShape(x.dim(0), x.dim(1), x.dim(2), x.dim(3), y.dim(1), weight.dim(2), weight.dim(3), y.dim(2),
        y.dim(3), geometry);
  }

  int groups() {
    return geometry.groups();
  }

  /** Input channels of a group. */
  int groupChannels() {
    return channels / groups();
  }

  /** Output channels of a group. */
  int groupFilters() {
    return filters / groups();
  }

  int taps() {
    return kernelH * kernelW;
  }

  long weights() {
    return (long) filters * groupChannels() * taps();
  }

  /** Multiplications, without those by padding zeros left out. */
  long work() {
    return (long) images * outHeight * outWidth * weights();
  }

  /**
   * Whether neighbouring taps of a row read neighbouring numbers of a channels-last image, so that a row of taps is one
   * sum.
   */
  boolean rowsOfTapsAreDense() {
    return groups() == 1 && (geometry.dilationW() == 1 || kernelW == 1);
  }

  /**
   * Whether a band of the image is better copied where it could be read in place: tiles read a few numbers of each of some pixels, and of
   * many channels that is too far apart to be fetched from memory ahead of them.
   */
  boolean spreads() {
    return channels >= SPREAD && geometry.strideW() == 1;
  }

  /** The first row of the image that output row {@code r} reads; padding lies before row 0. */
  int firstRow(int r) {
    return r * geometry.strideH() - geometry.paddingH();
  }

  /** Behind the last row that the output rows before {@code r} read. */
  int endRow(int r) {
    return firstRow(r - 1) + (kernelH - 1) * geometry.dilationH() + 1;
  }

  /** Behind the last column that a row of the output reads. */
  int endColumn() {
    return (outWidth - 1) * geometry.strideW() - geometry.paddingW() + (kernelW - 1) * geometry.dilationW() + 1;
  }

  /**
   * How many bands each image falls into, by rows: so many that a band stays in the second-level cache and that a few
   * images make enough pieces for a team.
   *
   * @param rows output rows of an image, {@code floats} numbers read for each
   */
  int bands(int rows, long floats) {
    long bySize = ((long) rows * floats + BAND - 1) / BAND;
    long byCount = images == 0 ? 1 : (PIECES + images - 1) / images;
    // Below four rows reading the neighbours' rows again would cost too much.
    return Math.clamp(Math.max(bySize, byCount), 1, Math.max(1, rows / 4));
  }
}
