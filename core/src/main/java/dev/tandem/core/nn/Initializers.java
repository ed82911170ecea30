package dev.tandem.core.nn;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;

/**
 * Initial values, drawn on the host so that every device starts alike. The random numbers used are {@code nextDouble()}
 * of the generator and correctly rounded or strict functions of them, so that a seed gives the same values on every
 * Java machine.
 *
 * <p>Fans are counted as PyTorch does: of a weight {@code [out, in, kernel...]} the fan-in is {@code in * prod(kernel)}
 * and the fan-out {@code out * prod(kernel)}. Initialisers that need them refuse shapes of fewer than two axes.
 */
public final class Initializers {
  /** Which number of connections keeps its variance: that of the forward pass or that of the backward pass. */
  public enum Fan {
    IN, OUT
  }

  private record Fans(double in, double out) {
    static Fans of(String name, Shape shape) {
      int[] d = requireWeight(name, shape).dims();
      double kernel = 1;
      for (int i = 2; i < d.length; i++) {
        kernel *= d[i];
      }
      return new Fans(d[1] * kernel, d[0] * kernel);
    }

    double get(Fan fan) {
      return fan == Fan.IN ? in : out;
    }
  }

  /** In standard deviations; wider truncated normals are better proposed by the normal than by the uniform one. */
  private static final double WIDE = Math.sqrt(2 * Math.PI);

  /** Values drawn in a call: HotSpot compiles after 100 calls of so many turns, and a loop of a million turns only after 60,000. */
  private static final int PIECE = 64;

  private Initializers() {
  }

  public static Initializer zeros() {
    return constant(0);
  }

  public static Initializer ones() {
    return constant(1);
  }

  public static Initializer constant(double value) {
    return (values, shape, random) -> Arrays.fill(values, (float) value);
  }

  /** Uniform between {@code low} and {@code high}. */
  public static Initializer uniform(double low, double high) {
    requireOrder(low, high);
    return (values, shape, random) -> fillUniform(values, random, low, high);
  }

  private static void fillUniform(float[] values, RandomGenerator random, double low, double high) {
    if (random instanceof SplitMix64 own) {
      for (int i = 0; i < values.length; i += PIECE) {
        own.uniform(values, i, Math.min(PIECE, values.length - i), low, high);
      }
    } else {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (low + (high - low) * random.nextDouble());
      }
    }
  }

  public static Initializer normal(double mean, double std) {
    require(std >= 0, "normal with standard deviation " + std);
    return (values, shape, random) -> {
      Gaussian gaussian = new Gaussian(random);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (mean + std * gaussian.next());
      }
    };
  }

  /** The normal distribution given that a value lies between {@code low} and {@code high}, both absolute as in PyTorch.
   *
   * @throws IllegalArgumentException if the mean lies more than two standard deviations outside the interval
   */
  public static Initializer truncatedNormal(double mean, double std, double low, double high) {
    require(std > 0, "truncated normal with standard deviation " + std);
    require(low < high, "normal truncated to " + low + " .. " + high);
    require(mean >= low - 2 * std && mean <= high + 2 * std,
        "normal of mean " + mean + " and standard deviation " + std + " truncated to " + low + " .. " + high
            + ", more than two standard deviations away; choose another mean");
    double from = (low - mean) / std;
    double to = (high - mean) / std;
    return (values, shape, random) -> {
      Gaussian gaussian = new Gaussian(random);
      for (int i = 0; i < values.length; i++) {
        double x = mean + std * (to - from > WIDE ? inside(gaussian, from, to) : inside(random, from, to));
        values[i] = (float) Math.clamp(x, low, high);
      }
    };
  }

  /**
   * Variance {@code 2 / (fanIn + fanOut)}: Glorot and Bengio, Understanding the difficulty of training deep feedforward
   * neural networks, AISTATS 2010, equation 16.
   */
  public static Initializer glorotUniform() {
    return scaledUniform("glorotUniform", Initializers::glorotStd);
  }

  /** As {@link #glorotUniform}, with normally distributed values of the same variance. */
  public static Initializer glorotNormal() {
    return scaledNormal("glorotNormal", Initializers::glorotStd);
  }

  /** {@link #heUniform(double, Fan)} for plain ReLU and the fan-in. */
  public static Initializer heUniform() {
    return heUniform(0, Fan.IN);
  }

  /** As {@link #heNormal(double, Fan)}, with uniformly distributed values of the same variance. */
  public static Initializer heUniform(double slope, Fan fan) {
    return scaledUniform("heUniform", fans -> heStd(fans, slope, fan));
  }

  /** {@link #heNormal(double, Fan)} for plain ReLU and the fan-in. */
  public static Initializer heNormal() {
    return heNormal(0, Fan.IN);
  }

  /**
   * Variance {@code 2 / ((1 + slope^2) fan)}: He, Zhang, Ren, Sun, Delving deep into rectifiers, ICCV 2015, equations
   * 10, 14 and 15.
   *
   * @param slope of the rectifier that follows, left of 0; 0 for ReLU
   */
  public static Initializer heNormal(double slope, Fan fan) {
    return scaledNormal("heNormal", fans -> heStd(fans, slope, fan));
  }

  /** Variance {@code 1 / fanIn}, uniform: LeCun, Bottou, Orr, Müller, Efficient backprop, 1998, equation 16. */
  public static Initializer lecunUniform() {
    return scaledUniform("lecunUniform", fans -> Math.sqrt(1 / fans.in));
  }

  /** Variance {@code 1 / fanIn}, normal; what self-normalising networks with {@link Selu} need. */
  public static Initializer lecunNormal() {
    return scaledNormal("lecunNormal", fans -> Math.sqrt(1 / fans.in));
  }

  /** Uniform between {@code ±1 / sqrt(fanIn)}: what PyTorch gives weights of linear and convolution layers. */
  public static Initializer torchLinear() {
    return scaledUniform("torchLinear", fans -> Math.sqrt(1 / (3 * fans.in)));
  }

  /**
   * A random matrix {@code [out, in * prod(kernel)]} with orthonormal rows (columns if it is taller than wide) times
   * {@code gain}: Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear
   * networks, ICLR 2014. Costs {@code long side * short side^2} operations.
   */
  public static Initializer orthogonal(double gain) {
    return (values, shape, random) -> {
      int rows = requireWeight("orthogonal", shape).dim(0);
      if (values.length == 0) {
        return;
      }
      int columns = values.length / rows;
      double[][] q = orthonormal(Math.min(rows, columns), Math.max(rows, columns), new Gaussian(random));
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          values[i * columns + j] = (float) (gain * (rows <= columns ? q[i][j] : q[j][i]));
        }
      }
    };
  }

  /**
   * {@code count} orthonormal vectors by modified Gram-Schmidt on Gaussian ones. Their triangular factor has a positive
   * diagonal, which makes the result uniform over all orthogonal matrices (Mezzadri, How to generate random matrices
   * from the classical compact groups, 2007). The method errs by the condition number, about {@code count}, times
   * 1e-16: nothing in fp32.
   */
  private static double[][] orthonormal(int count, int length, Gaussian gaussian) {
    double[][] q = new double[count][length];
    for (int k = 0; k < count; k++) {
      double[] v = q[k];
      for (int i = 0; i < length; i++) {
        v[i] = gaussian.next();
      }
      for (int j = 0; j < k; j++) {
        double projection = dot(v, q[j]);
        for (int i = 0; i < length; i++) {
          v[i] -= projection * q[j][i];
        }
      }
      double norm = Math.sqrt(dot(v, v));
      for (int i = 0; i < length; i++) {
        v[i] /= norm;
      }
    }
    return q;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double glorotStd(Fans fans) {
    return Math.sqrt(2 / (fans.in + fans.out));
  }

  private static double heStd(Fans fans, double slope, Fan fan) {
    return Math.sqrt(2 / ((1 + slope * slope) * fans.get(fan)));
  }

  private static Initializer scaledUniform(String name, ToDoubleFunction<Fans> std) {
    return (values, shape, random) -> {
      double bound = Math.sqrt(3) * std.applyAsDouble(Fans.of(name, shape));
      requireOrder(-bound, bound);
      fillUniform(values, random, -bound, bound);
    };
  }

  private static Initializer scaledNormal(String name, ToDoubleFunction<Fans> std) {
    return (values, shape, random) -> normal(0, std.applyAsDouble(Fans.of(name, shape))).fill(values, shape, random);
  }

  /** A standard normal value between {@code from} and {@code to}, by rejection. */
  private static double inside(Gaussian gaussian, double from, double to) {
    double z = gaussian.next();
    while (z < from || z > to) {
      z = gaussian.next();
    }
    return z;
  }

  /** The same from uniform proposals, for narrow intervals (Robert, Simulation of truncated normal variables, 1995). */
  private static double inside(RandomGenerator random, double from, double to) {
    double nearest = Math.clamp(0, from, to);
    double z = from + (to - from) * random.nextDouble();
    while (random.nextDouble() > StrictMath.exp((nearest * nearest - z * z) / 2)) {
      z = from + (to - from) * random.nextDouble();
    }
    return z;
  }

  private static Shape requireWeight(String name, Shape shape) {
    if (shape.rank() < 2) {
      throw new ShapeException(name + " needs the fans of a weight [out, in, ...], which " + shape
          + " has not; initialise a bias with zeros() or uniform(low, high)");
    }
    return shape;
  }

  private static void requireOrder(double low, double high) {
    // The message is not made before it is wanted: at the start of every training that takes milliseconds.
    if (!(low <= high)) {
      throw new IllegalArgumentException("uniform from " + low + " to " + high);
    }
  }

  private static void require(boolean ok, String message) {
    if (!ok) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Standard normal values by the polar method (Marsaglia and Bray 1964). */
  private static final class Gaussian {
    private final RandomGenerator random;
    private double spare = Double.NaN;

    Gaussian(RandomGenerator random) {
      this.random = random;
    }

    double next() {
      if (!Double.isNaN(spare)) {
        double z = spare;
        spare = Double.NaN;
        return z;
      }
      double u;
      double v;
      double s;
      do {
        u = 2 * random.nextDouble() - 1;
        v = 2 * random.nextDouble() - 1;
        s = u * u + v * v;
      } while (s >= 1 || s == 0);
      double scale = Math.sqrt(-2 * StrictMath.log(s) / s);
      spare = v * scale;
      return u * scale;
    }
  }
}
