package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Numbers of each channel, seen so that they broadcast over {@code [N, C, d1, ...]}. */
record Channels(int count) {
  /** @param layer that needs them, for the message */
  static Channels of(String layer, int count) {
    if (count < 1) {
      throw new ShapeException(layer + " of " + count + " channels; it needs at least one");
    }
    return new Channels(count);
  }

  /** Checks x, and says in which shape numbers {@code [C]} broadcast over it: {@code [1, C, 1, ...]}. */
  int[] over(String layer, Tensor x, int minRank, int maxRank, String wanted) {
    Shape shape = x.shape();
    if (shape.rank() < minRank || shape.rank() > maxRank || shape.dim(1) != count) {
      throw new ShapeException(
          layer + " of " + count + " channels wants " + wanted + " with C = " + count + ", not " + shape);
    }
    int[] dims = new int[shape.rank()];
    Arrays.fill(dims, 1);
    dims[1] = count;
    return dims;
  }

  /** All axes of a tensor of this rank but that of the channels. */
  static List<Integer> others(int rank) {
    return IntStream.range(0, rank).filter(i -> i != 1).boxed().toList();
  }
}
