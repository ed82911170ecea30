package dev.tandem.benchmarks.work;

import dev.tandem.benchmarks.workload.SplitMix64;
import dev.tandem.benchmarks.workload.Workload;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What is timed: an operation with its sizes, on operands that each side makes for itself, bit for bit alike. Where work
 * has a backward pass, the scalar that is differentiated is the sum of the output times an array of its shape.
 */
public sealed interface Work {
  /** Unique, for the command line: {@code matmul-nt-128x512x784}. */
  String name();

  /** How far results may be apart, as a part of the largest element. */
  default double tolerance() {
    return isBackward() ? 1e-4 : 1e-5;
  }

  /** Whether gradients are among the results. */
  default boolean isBackward() {
    return false;
  }

  /** Uniform in [-scale, scale), the same for the same stream. */
  static float[] values(long stream, double scale, int... dims) {
    float[] values = new SplitMix64(stream).floats(dims).toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * values[i] - 1) * scale);
    }
    return values;
  }

  private static String suffix(boolean backward) {
    return backward ? "-backward" : "";
  }

  private static String lower(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * A product {@code [m, k] x [k, n]}; a transposed operand lies in memory as {@code [k, m]} or {@code [n, k]}. The result
   * is the product.
   */
  record MatMul(boolean transposedA, boolean transposedB, int m, int n, int k) implements Work {
    @Override
    public String name() {
      return "matmul-" + (transposedA ? 't' : 'n') + (transposedB ? 't' : 'n') + "-" + m + "x" + n + "x" + k;
    }

    /** As it lies in memory. */
    public float[] a() {
      return values(1, 0.5, m, k);
    }

    /** As it lies in memory. */
    public float[] b() {
      return values(2, 0.5, k, n);
    }
  }

  /** One pass over arrays of one size. The result is what it computes. */
  record Elementwise(Function function, int size) implements Work {
    /** What is computed of each element. */
    public enum Function {
      /** The approximation by tanh, nine operations. */
      GELU(1),
      TANH(1),
      EXP(1),
      /** A step of Adam with β 0.9 and 0.999, from its first: new parameters, means and squares replace the old. */
      ADAM(4),
      /** The yardstick of memory. */
      COPY(1);

      private final int inputs;

      Function(int inputs) {
        this.inputs = inputs;
      }
    }

    @Override
    public String name() {
      return lower(function) + "-" + (size >= 1 << 20 ? (size >> 20) + "m" : (size >> 10) + "k");
    }

    /** The argument; for Adam parameter, gradient, mean and square, which is not negative. */
    public float[][] inputs() {
      float[][] in = new float[function.inputs][];
      for (int i = 0; i < in.length; i++) {
        in[i] = values(1 + i, 4, size);
      }
      if (function == Function.ADAM) {
        for (int i = 0; i < size; i++) {
          in[3][i] = Math.abs(in[3][i]);
        }
      }
      return in;
    }
  }

  /** Sums of a matrix. The result is the sums. */
  record Reduction(Over over, int rows, int columns) implements Work {
    /** What is added. */
    public enum Over {
      /** The elements of each row. */
      ROWS,
      /** The elements of each column. */
      COLUMNS,
      /** All elements. */
      ALL
    }

    @Override
    public String name() {
      return "sum-" + lower(over) + "-" + rows + "x" + columns;
    }

    /** Not negative, so that a sum is not the small rest of large terms. */
    public float[] input() {
      float[] values = values(1, 1, rows, columns);
      for (int i = 0; i < values.length; i++) {
        values[i] = Math.abs(values[i]);
      }
      return values;
    }
  }

  /** Probabilities of each row of a matrix. The result is the output, or the loss and the gradient of the logits. */
  record Probability(Kind kind, int rows, int columns) implements Work {
    /** What is computed. */
    public enum Kind {
      SOFTMAX, LOG_SOFTMAX,
      /** The mean loss and its gradient. */
      CROSS_ENTROPY
    }

    @Override
    public String name() {
      return lower(kind) + "-" + rows + "x" + columns;
    }

    @Override
    public boolean isBackward() {
      return kind == Kind.CROSS_ENTROPY;
    }

    public float[] logits() {
      return values(1, 4, rows, columns);
    }

    public int[] labels() {
      return new SplitMix64(2).integers(columns, rows).toInts();
    }
  }

  /** An array of images or features that goes through a layer with parameters, forward only or backward too. */
  sealed interface Layer extends Work {
    /** {@code [N, C, H, W]}, {@code [N, F]} or for recurrent layers {@code [T, N, F]}. */
    int[] inputDims();

    int[] outputDims();

    /** PyTorch's names, in the order of the gradients, with values. */
    Map<String, float[]> parameters();

    default float[] input() {
      return values(1, 1, inputDims());
    }

    /** What the output is multiplied by before it is added up. */
    default float[] outputGradient() {
      return values(2, 1, outputDims());
    }
  }

  /** A convolution without bias, square in everything. Results: output; then gradients of input and weight. */
  record Convolution(int batch, int in, int side, int out, int kernel, int stride, int padding,
      boolean isBackward) implements Layer {
    @Override
    public String name() {
      return "conv-" + batch + "x" + in + "x" + side + "-" + out + "-k" + kernel + "s" + stride + "p" + padding
          + suffix(isBackward);
    }

    @Override
    public int[] inputDims() {
      return new int[] {batch, in, side, side};
    }

    @Override
    public int[] outputDims() {
      int pixels = (side + 2 * padding - kernel) / stride + 1;
      return new int[] {batch, out, pixels, pixels};
    }

    @Override
    public Map<String, float[]> parameters() {
      return Map.of("weight", values(3, 1 / Math.sqrt(in * kernel * kernel), out, in, kernel, kernel));
    }
  }

  /** A pooling of square windows. Results: output; then the gradient of the input. */
  record Pooling(Kind kind, int batch, int channels, int side, int kernel, int stride, int padding,
      boolean isBackward) implements Layer {
    /** Of what a window has. */
    public enum Kind {
      MAX, AVERAGE
    }

    @Override
    public String name() {
      return lower(kind) + "-pool-" + batch + "x" + channels + "x" + side + "-k" + kernel + "s" + stride + "p" + padding
          + suffix(isBackward);
    }

    @Override
    public int[] inputDims() {
      return new int[] {batch, channels, side, side};
    }

    @Override
    public int[] outputDims() {
      int pixels = (side + 2 * padding - kernel) / stride + 1;
      return new int[] {batch, channels, pixels, pixels};
    }

    @Override
    public Map<String, float[]> parameters() {
      return Map.of();
    }
  }

  /**
   * A normalisation with scale and shift, in training. Results: output; then gradients of input, weight and bias.
   *
   * @param features channels, or for layer normalisation the width of a row
   * @param side of images; layer normalisation has rows instead, and no side
   */
  record Normalization(Kind kind, int batch, int features, int side, boolean isBackward) implements Layer {
    /** Groups of a group normalisation. */
    public static final int GROUPS = 32;

    /** Over what is normalised. */
    public enum Kind {
      BATCH, LAYER, GROUP
    }

    @Override
    public String name() {
      return lower(kind) + "-norm-" + batch + "x" + features + (kind == Kind.LAYER ? "" : "x" + side)
          + suffix(isBackward);
    }

    @Override
    public int[] inputDims() {
      return kind == Kind.LAYER ? new int[] {batch, features} : new int[] {batch, features, side, side};
    }

    @Override
    public int[] outputDims() {
      return inputDims();
    }

    @Override
    public Map<String, float[]> parameters() {
      Map<String, float[]> parameters = new LinkedHashMap<>();
      parameters.put("weight", values(3, 1, features));
      parameters.put("bias", values(4, 1, features));
      return parameters;
    }
  }

  /**
   * A layer that goes through sequences {@code [T, N, F]}, from zero states. Results: output sequence; then gradients of
   * input, weights and biases.
   */
  record Recurrence(Cell cell, int batch, int steps, int in, int hidden, boolean isBackward) implements Layer {
    /** Its kind. */
    public enum Cell {
      LSTM(4), GRU(3);

      private final int gates;

      Cell(int gates) {
        this.gates = gates;
      }
    }

    @Override
    public String name() {
      return lower(cell) + "-" + batch + "x" + steps + "x" + in + "-" + hidden + suffix(isBackward);
    }

    @Override
    public int[] inputDims() {
      return new int[] {steps, batch, in};
    }

    @Override
    public int[] outputDims() {
      return new int[] {steps, batch, hidden};
    }

    @Override
    public Map<String, float[]> parameters() {
      double scale = 1 / Math.sqrt(hidden);
      int rows = cell.gates * hidden;
      Map<String, float[]> parameters = new LinkedHashMap<>();
      parameters.put("weight_ih_l0", values(3, scale, rows, in));
      parameters.put("weight_hh_l0", values(4, scale, rows, hidden));
      parameters.put("bias_ih_l0", values(5, scale, rows));
      parameters.put("bias_hh_l0", values(6, scale, rows));
      return parameters;
    }
  }

  /** Training steps of a whole model with its optimizer. Results: the losses of the first {@link #LOSSES} steps. */
  record Training(Workload workload) implements Work {
    public static final int LOSSES = 10;
    /** Of the initial parameters. */
    public static final long SEED = 42;

    @Override
    public String name() {
      return "step-" + workload.name();
    }

    @Override
    public boolean isBackward() {
      return true;
    }
  }
}
