package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/** Doubles in row-major order: what tests compute by plain loops and compare tensors with. */
record Dense(int[] dims, double[] values) {
  private static final int[] SIZES = {1, 2, 3, 5};

  /** Every element from its index. */
  static Dense of(int[] dims, ToDoubleFunction<int[]> element) {
    double[] values = new double[Math.toIntExact(Shape.of(dims).size())];
    int[] index = new int[dims.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = element.applyAsDouble(index);
      for (int d = dims.length - 1; d >= 0 && ++index[d] == dims[d]; d--) {
        index[d] = 0;
      }
    }
    return new Dense(dims, values);
  }

  /** Multiples of 1/8 between -4 and 4, of which sums and products are exact in fp32. */
  static Dense random(SplittableRandom random, int... dims) {
    return of(dims, i -> random.nextInt(-32, 33) / 8.0);
  }

  /** Whole numbers from {@code from} to {@code to - 1}. */
  static Dense integers(SplittableRandom random, int from, int to, int... dims) {
    return of(dims, i -> random.nextInt(from, to));
  }

  /** Of a tensor's elements. */
  static Dense of(Tensor t) {
    return new Dense(t.shape().dims(), t.toHost().toDoubles());
  }

  /** Up to {@code maxRank} dimensions of 1, 2, 3 or 5. */
  static int[] randomDims(SplittableRandom random, int minRank, int maxRank) {
    int[] dims = new int[random.nextInt(minRank, maxRank + 1)];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = SIZES[random.nextInt(SIZES.length)];
    }
    return dims;
  }

  /** Dimensions that broadcast to {@code dims}: leading ones dropped, others set to 1. */
  static int[] broadcastable(SplittableRandom random, int[] dims) {
    int dropped = random.nextInt(2) == 0 ? 0 : random.nextInt(dims.length + 1);
    int[] r = new int[dims.length - dropped];
    for (int i = 0; i < r.length; i++) {
      r[i] = random.nextInt(3) == 0 ? 1 : dims[i + dropped];
    }
    return r;
  }

  int size() {
    return values.length;
  }

  double get(int... index) {
    int at = 0;
    for (int d = 0; d < dims.length; d++) {
      at = at * dims[d] + index[d];
    }
    return values[at];
  }

  /** The element that broadcasting puts at {@code index} of a larger shape. */
  double broadcast(int... index) {
    int[] own = new int[dims.length];
    for (int d = 0; d < own.length; d++) {
      own[d] = dims[d] == 1 ? 0 : index[index.length - own.length + d];
    }
    return get(own);
  }

  float[] floats() {
    float[] r = new float[values.length];
    for (int i = 0; i < r.length; i++) {
      r[i] = (float) values[i];
    }
    return r;
  }

  int[] ints() {
    int[] r = new int[values.length];
    for (int i = 0; i < r.length; i++) {
      r[i] = (int) values[i];
    }
    return r;
  }

  /** F32, row-major. */
  Tensor on(Device device) {
    return Tensor.of(device, floats(), dims);
  }

  /** I32, row-major. */
  Tensor integersOn(Device device) {
    return Tensor.of(device, ints(), dims);
  }

  /** F32 with an offset, gaps and its axes in reverse order in memory; the gaps are NaN. */
  Tensor stridedOn(Device device) {
    int rank = dims.length;
    int[] base = new int[rank];
    for (int i = 0; i < rank; i++) {
      base[i] = 2 * dims[rank - 1 - i] + 1;
    }
    Tensor t = of(base, index -> {
      int[] own = new int[rank];
      for (int i = 0; i < rank; i++) {
        int at = index[rank - 1 - i];
        if (at % 2 == 0) {
          return Double.NaN;
        }
        own[i] = at / 2;
      }
      return get(own);
    }).on(device);
    List<Integer> reversed = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      reversed.add(rank - 1 - i);
    }
    t = t.permute(reversed.stream().mapToInt(Integer::intValue).toArray());
    for (int i = 0; i < rank; i++) {
      t = t.slice(i, 1, 2 * dims[i] + 1, 2);
    }
    return t;
  }

  /** Fails unless {@code actual} has this shape and elements no further off than {@code tolerance} of this one's size; NaN is NaN. */
  void check(Tensor actual, double tolerance, String what) {
    assertThat(actual.shape().dims()).as(what).isEqualTo(dims);
    double[] got = actual.toHost().toDoubles();
    for (int i = 0; i < values.length; i++) {
      double bound = tolerance * Math.max(1, Math.abs(values[i]));
      boolean close = Double.compare(got[i], values[i]) == 0 || Math.abs(got[i] - values[i]) <= bound;
      assertThat(close).as("%s: element %d is %s instead of %s", what, i, got[i], values[i]).isTrue();
    }
  }

  /** Fails unless the elements are exactly these. */
  void check(Tensor actual, String what) {
    check(actual, 0, what);
  }
}
