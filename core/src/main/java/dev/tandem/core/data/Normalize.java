package dev.tandem.core.data;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * {@code (x - mean) / std}, into F32, for {@link Dataset#map(int, UnaryOperator)}. With several means the first axis of
 * a sample has one of each: columns of a table {@code [N, columns]}, channels of images {@code [N, C, H, W]}.
 *
 * <pre>{@code
 * Normalize standardize = Normalize.perColumn(train, 0);   // what the training samples have …
 * train.map(0, standardize);
 * test.map(0, standardize);                                // … is what the test samples are measured by
 * }</pre>
 */
public final class Normalize implements UnaryOperator<HostArray> {
  private static final int CHUNK = 1024;
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final double[] mean;
  private final double[] std;

  /**
   * By given numbers.
   *
   * @param mean one number for everything, or one for each index of the first axis of a sample
   * @param std as many, none of them 0
   */
  public Normalize(double[] mean, double[] std) {
    if (mean.length == 0 || mean.length != std.length) {
      throw new IllegalArgumentException(
          mean.length + " means and " + std.length + " standard deviations; as many are needed, at least one");
    }
    for (int i = 0; i < mean.length; i++) {
      if (!Double.isFinite(mean[i]) || !Double.isFinite(std[i]) || std[i] == 0) {
        throw new IllegalArgumentException("mean " + mean[i] + " and standard deviation " + std[i] + " at " + i
            + "; they must be finite, and the deviation not 0");
      }
    }
    this.mean = mean.clone();
    this.std = std.clone();
  }

  /** Bytes 0 to 255 to the range from 0 to 1. */
  public static Normalize pixels() {
    return new Normalize(new double[] {0}, new double[] {255});
  }

  /** To mean 0 and standard deviation 1 over all elements of one field of a dataset. */
  public static Normalize overall(Dataset dataset, int field) {
    return measure(dataset, field, 1);
  }

  /**
   * To mean 0 and standard deviation 1 for each index of the first axis of a sample: each column of a table, each
   * channel of images. A column of equal values becomes 0.
   */
  public static Normalize perColumn(Dataset dataset, int field) {
    Spec sample = dataset.specs().get(field);
    if (sample.shape().isScalar()) {
      throw new ShapeException("field " + field + " is " + sample + ", which has no columns; use overall");
    }
    return measure(dataset, field, sample.shape().dim(0));
  }

  private static Normalize measure(Dataset dataset, int field, int columns) {
    int n = Permutation.length(dataset.size());
    long each = dataset.specs().get(field).shape().size() / Math.max(1, columns);
    if (n * each == 0) {
      throw new ShapeException(
          "no elements to measure in field " + field + " of " + n + " samples of " + dataset.specs());
    }
    // Sums of differences from the first sample: plain sums of squares would cancel where the mean is large against the
    // deviation.
    double[] shift = new double[columns];
    double[] sum = new double[columns];
    double[] squares = new double[columns];
    for (int from = 0; from < n; from += CHUNK) {
      int[] indices = new int[Math.min(CHUNK, n - from)];
      for (int i = 0; i < indices.length; i++) {
        indices[i] = from + i;
      }
      HostArray values = dataset.batch(indices).get(field);
      for (long i = 0; i < values.shape().size(); i++) {
        int column = (int) (i / each % columns);
        if (from == 0 && i < each * columns && i % each == 0) {
          shift[column] = values.get(i);
        }
        double d = values.get(i) - shift[column];
        sum[column] += d;
        squares[column] += d * d;
      }
    }
    double[] mean = new double[columns];
    double[] std = new double[columns];
    double count = (double) n * each;
    for (int c = 0; c < columns; c++) {
      double d = sum[c] / count;
      double variance = Math.max(0, squares[c] / count - d * d);
      mean[c] = shift[c] + d;
      std[c] = variance == 0 ? 1 : Math.sqrt(variance);
    }
    return new Normalize(mean, std);
  }

  /** The means that are subtracted. */
  public double[] mean() {
    return mean.clone();
  }

  /** The (biased) standard deviations by which is divided. */
  public double[] std() {
    return std.clone();
  }

  /**
   * Normalizes a batch.
   *
   * @param batch {@code [N, …]} of any dtype but BOOL
   * @return F32 of the same shape
   * @throws ShapeException if there are several means and samples have another number of columns
   */
  @Override
  public HostArray apply(HostArray batch) {
    HostArray result = HostArray.zeros(DType.F32, batch.shape().dims());
    apply(batch, result);
    return result;
  }

  /** @param result F32 of the batch's shape */
  void apply(HostArray batch, HostArray result) {
    Spec spec = batch.spec();
    int columns = mean.length;
    if (spec.dtype() == DType.BOOL) {
      throw new ShapeException(spec + " cannot be normalized; truth values are no numbers");
    }
    if (columns > 1 && (spec.shape().rank() < 2 || spec.shape().dim(1) != columns)) {
      throw new ShapeException(columns + " means for " + spec + "; axis 1 must have that size");
    }
    long n = spec.shape().size();
    long each = columns == 1 ? n : Arrays.stream(spec.shape().dims()).skip(2).asLongStream().reduce(1, (a, b) -> a * b);
    for (long from = 0, column = 0; from < n; from += each, column++) {
      int c = (int) (column % columns);
      run(batch, result.data(), from, from + each, mean[c], std[c]);
    }
  }

  private static void run(HostArray in, MemorySegment out, long from, long to, double mean, double std) {
    // Two loops read directly, as pixels and columns of floats are what nearly all data are; get(i) decides the dtype
    // for each element.
    switch (in.dtype()) {
      case U8 -> {
        for (long i = from; i < to; i++) {
          out.setAtIndex(F32, i, (float) (((in.data().get(ValueLayout.JAVA_BYTE, i) & 0xFF) - mean) / std));
        }
      }
      case F32 -> {
        for (long i = from; i < to; i++) {
          out.setAtIndex(F32, i, (float) ((in.data().getAtIndex(F32, i) - mean) / std));
        }
      }
      case F64, BF16, I32, BOOL -> {
        for (long i = from; i < to; i++) {
          out.setAtIndex(F32, i, (float) ((in.get(i) - mean) / std));
        }
      }
    }
  }
}
