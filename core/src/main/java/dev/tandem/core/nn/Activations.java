package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/**
 * Activation functions of tensors; each has a layer of the same name. Values and gradients are finite at every finite
 * input, and NaN gives NaN.
 *
 * <p>At 0 the gradient of a rectifier is that from the left, as in PyTorch. The expressions keep infinities out of
 * branches that {@code where} does not take, since the gradient of such a branch would be 0 times infinity.
 */
public final class Activations {
  private static final Expr X = Expr.input(0);
  private static final Expr ZERO = Expr.constant(0);
  private static final double SELU_ALPHA = 1.6732632423543772;
  private static final double SELU_SCALE = 1.0507009873554805;

  static final Program SIGMOID = Program.of(1, X.sigmoid());
  static final Program TANH = Program.of(1, X.tanh());
  static final Program RELU = Program.of(1, X.max(ZERO));
  static final Program RELU6 = Program.of(1, relu6(X));
  static final Program LEAKY_RELU = Program.of(1, ZERO.less(X).where(X, X.mul(Expr.argument(0))));
  static final Program ELU = Program.of(1, elu(Expr.argument(0)));
  static final Program SELU = Program.of(1, elu(Expr.constant(SELU_ALPHA)).mul(SELU_SCALE));
  static final Program GELU = Program.of(1, X.mul(0.5).mul(X.mul(Math.sqrt(0.5)).erf().add(1)));
  // 0.5 (1 + tanh(u)) = sigmoid(2u), which keeps its digits where tanh is near -1.
  static final Program GELU_TANH = Program.of(1,
      X.mul(X.mul(X).mul(2 * 0.044715 * Math.sqrt(2 / Math.PI)).add(2 * Math.sqrt(2 / Math.PI)).mul(X).sigmoid()));
  static final Program SILU = Program.of(1, X.mul(X.sigmoid()));
  static final Program SOFTPLUS = Program.of(1, scaledSoftplus(Expr.argument(0), Expr.argument(1)));
  static final Program MISH = Program.of(1, X.mul(softplus(X).tanh()));
  static final Program HARD_SWISH = Program.of(1, X.mul(relu6(X.add(3)).div(6)));

  private Activations() {
  }

  /** {@code 1 / (1 + exp(-x))}. */
  public static Tensor sigmoid(Tensor x) {
    return Tensor.pointwise("sigmoid", SIGMOID, x);
  }

  public static Tensor tanh(Tensor x) {
    return Tensor.pointwise("tanh", TANH, x);
  }

  /** {@code max(x, 0)}: Nair and Hinton 2010. */
  public static Tensor relu(Tensor x) {
    return Tensor.pointwise("relu", RELU, x);
  }

  /** {@code min(max(x, 0), 6)}. */
  public static Tensor relu6(Tensor x) {
    return Tensor.pointwise("relu6", RELU6, x);
  }

  /** {@code x} above 0, else {@code slope * x}: Maas, Hannun, Ng 2013. */
  public static Tensor leakyRelu(Tensor x, double slope) {
    return Tensor.pointwise("leakyRelu", LEAKY_RELU, Launch.of(slope), x);
  }

  /** {@code x} above 0, else {@code alpha (exp(x) - 1)}: Clevert, Unterthiner, Hochreiter 2016. */
  public static Tensor elu(Tensor x, double alpha) {
    return Tensor.pointwise("elu", ELU, Launch.of(alpha), x);
  }

  /** ELU with the constants that keep mean 0 and variance 1: Klambauer et al., Self-normalizing networks, 2017. */
  public static Tensor selu(Tensor x) {
    return Tensor.pointwise("selu", SELU, x);
  }

  /** {@code x Phi(x)}, exact: Hendrycks and Gimpel 2016. */
  public static Tensor gelu(Tensor x) {
    return gelu(x, Gelu.Approximation.NONE);
  }

  public static Tensor gelu(Tensor x, Gelu.Approximation approximation) {
    return Tensor.pointwise("gelu", approximation.program(), x);
  }

  /** {@code x sigmoid(x)}, also called swish: Elfwing, Uchibe, Doya 2018. */
  public static Tensor silu(Tensor x) {
    return Tensor.pointwise("silu", SILU, x);
  }

  /** {@code log(1 + exp(beta x)) / beta}; {@code x} itself where {@code beta x} is above {@code threshold}. */
  public static Tensor softplus(Tensor x, double beta, double threshold) {
    return Tensor.pointwise("softplus", SOFTPLUS, softplusLaunch(beta, threshold), x);
  }

  /** {@code x tanh(softplus(x))}: Misra 2019. */
  public static Tensor mish(Tensor x) {
    return Tensor.pointwise("mish", MISH, x);
  }

  /** {@code x relu6(x + 3) / 6}: Howard et al., Searching for MobileNetV3, 2019. */
  public static Tensor hardSwish(Tensor x) {
    return Tensor.pointwise("hardSwish", HARD_SWISH, x);
  }

  /** {@code exp(x)} over its sum along {@code axis}. */
  public static Tensor softmax(Tensor x, int axis) {
    return x.softmax(axis);
  }

  /** The logarithm of {@link #softmax}, without its underflow. */
  public static Tensor logSoftmax(Tensor x, int axis) {
    return x.logSoftmax(axis);
  }

  /** The largest of each {@code k} neighbours along {@code axis}: Goodfellow et al., Maxout networks, 2013. */
  public static Tensor maxout(Tensor x, int k, int axis) {
    Shape shape = x.shape();
    int at = shape.axis(axis);
    int size = shape.dim(at);
    if (k < 1 || size % k != 0) {
      throw new ShapeException(
          "maxout of " + shape + ": axis " + axis + " of " + size + " does not fall into groups of " + k);
    }
    return x.reshape(shape.with(at, size / k).insert(at + 1, k).dims()).max(at + 1);
  }

  static Launch softplusLaunch(double beta, double threshold) {
    if (!(beta > 0)) {
      throw new IllegalArgumentException("softplus with beta " + beta + "; it must be positive");
    }
    return Launch.of(beta, threshold);
  }

  /** {@code log(1 + exp(z))}; of the exponentials of z and -z it takes the one that cannot overflow. */
  static Expr softplus(Expr z) {
    return z.less(0).where(ZERO, z).add(logOnePlusExpOfMinusAbs(z));
  }

  /** {@code log(1 + exp(-|z|))}, with the gradient -1/2 at 0: that of ABS there would be 0. */
  static Expr logOnePlusExpOfMinusAbs(Expr z) {
    return z.less(0).where(z, z.neg()).exp().log1p();
  }

  private static Expr scaledSoftplus(Expr beta, Expr threshold) {
    Expr z = X.mul(beta);
    return threshold.less(z).where(X, softplus(z).div(beta));
  }

  /** The minimum has x second, which gets the gradient at 0. */
  private static Expr elu(Expr alpha) {
    return X.max(ZERO).add(ZERO.min(X).expm1().mul(alpha));
  }

  private static Expr relu6(Expr x) {
    return x.max(ZERO).min(6);
  }
}
