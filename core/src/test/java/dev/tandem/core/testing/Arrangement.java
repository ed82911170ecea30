package dev.tandem.core.testing;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import java.util.stream.IntStream;

/** Ways in which the elements of a shape may lie in memory. Repetition by stride 0 is left to {@link Layout#expand}. */
enum Arrangement {
  CONTIGUOUS,
  /** Row-major from an odd offset: aligned to nothing. */
  OFFSET,
  /** Row-major with a gap behind each row: a leading dimension larger than the row. */
  PADDED_ROWS,
  /** The last two axes swapped. */
  COLUMN_MAJOR,
  /** The last two axes swapped, with a gap behind each column. */
  PADDED_COLUMNS,
  /** All axes in reverse order. */
  TRANSPOSED,
  /** Axis 1 innermost: images as {@code [N, H, W, C]}. */
  CHANNELS_LAST,
  /** Channels last, with a gap behind the channels of each pixel. */
  PADDED_CHANNELS,
  /** Every third element along the last axis and every second along the first, from an offset. */
  SLICED;

  static final List<Arrangement> ALL = List.of(values());

  /** A seed of its own. */
  long seed() {
    return name().hashCode();
  }

  Layout of(Shape shape) {
    int rank = shape.rank();
    if (rank == 0) {
      return Layout.of(shape, new long[0], this == CONTIGUOUS ? 0 : 3);
    }
    return switch (this) {
      case CONTIGUOUS -> Layout.contiguous(shape);
      case OFFSET -> {
        Layout l = Layout.contiguous(shape);
        yield Layout.of(shape, IntStream.range(0, rank).mapToLong(l::stride).toArray(), 5);
      }
      case PADDED_ROWS -> padded(shape, rank - 1);
      case COLUMN_MAJOR -> ordered(shape, swapped(rank), false);
      case PADDED_COLUMNS -> ordered(shape, swapped(rank), true);
      case TRANSPOSED -> ordered(shape, IntStream.range(0, rank).map(i -> rank - 1 - i).toArray(), false);
      case CHANNELS_LAST -> ordered(shape, channelsLast(rank), false);
      case PADDED_CHANNELS -> ordered(shape, channelsLast(rank), true);
      case SLICED -> sliced(shape);
    };
  }

  private static Layout sliced(Shape shape) {
    int last = 3 * shape.dim(-1) + 1;
    if (shape.rank() == 1) {
      return Layout.contiguous(shape.with(0, last)).slice(0, 1, last, 3);
    }
    int first = 2 * shape.dim(0) + 1;
    return Layout.contiguous(shape.with(-1, last).with(0, first)).slice(-1, 1, last, 3).slice(0, 1, first, 2);
  }

  private static Layout padded(Shape shape, int axis) {
    int d = shape.dim(axis);
    return Layout.contiguous(shape.with(axis, d + 3)).slice(axis, 1, d + 1, 1);
  }

  /** @param order the axes of {@code shape}, outermost in memory first */
  private static Layout ordered(Shape shape, int[] order, boolean gap) {
    int[] dims = new int[order.length];
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      dims[i] = shape.dim(order[i]);
      back[order[i]] = i;
    }
    Shape inMemory = Shape.of(dims);
    return (gap ? padded(inMemory, dims.length - 1) : Layout.contiguous(inMemory)).permute(back);
  }

  private static int[] swapped(int rank) {
    int[] order = IntStream.range(0, rank).toArray();
    if (rank > 1) {
      order[rank - 1] = rank - 2;
      order[rank - 2] = rank - 1;
    }
    return order;
  }

  private static int[] channelsLast(int rank) {
    return rank < 3 ? swapped(rank)
        : IntStream.concat(IntStream.concat(IntStream.of(0), IntStream.range(2, rank)), IntStream.of(1)).toArray();
  }
}
