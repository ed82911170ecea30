package dev.tandem.core.tensor;

import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Reductions, products and what is made of them. Axes may be negative; no axes mean all. */
abstract sealed class Reducing extends Elementwise permits Indexing {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Program TIMES = Program.of(1, X.mul(Expr.argument(0)));
  private static final Program SQUARED_DEVIATION = Program.of(2, X.sub(Y).mul(X.sub(Y)).mul(Expr.argument(0)));
  private static final Program EXP_OF_DIFFERENCE = Program.of(2, X.sub(Y).exp());
  private static final Program SOFTMAX = Program.of(3, X.sub(Y).exp().div(Expr.input(2)));
  private static final Program LOG_SOFTMAX = Program.of(3, X.sub(Y).sub(Expr.input(2).log()));

  private Tensor self() {
    return (Tensor) this;
  }

  private List<Integer> axes(int... axes) {
    Shape shape = self().shape();
    List<Integer> list = new ArrayList<>();
    for (int i = 0; i < (axes.length == 0 ? shape.rank() : axes.length); i++) {
      int axis = axes.length == 0 ? i : shape.axis(axes[i]);
      if (list.contains(axis)) {
        throw new ShapeException("axis " + axes[i] + " of " + shape + " is named twice");
      }
      list.add(axis);
    }
    return list;
  }

  private Tensor reduce(Reduce.Kind kind, List<Integer> axes) {
    if (self().dtype() == DType.BOOL) {
      throw new ShapeException(
          kind.name().toLowerCase(Locale.ROOT) + " of " + self() + "; convert it with to(DType.I32)");
    }
    return Execution.one(Reduce.of(kind, axes, self().dtype().kind()), self());
  }

  private Tensor dropped(Tensor reduced, List<Integer> axes) {
    return reduced.reshape(self().shape().without(axes).dims());
  }

  /** The sum of {@code prologue(in...)} over {@code axes}, counted from the front, which stay with size 1. */
  public static Tensor sumOf(List<Integer> axes, Program prologue, Launch launch, Tensor... in) {
    return Execution.one(new Reduce(Reduce.Kind.SUM, axes, prologue, launch), in);
  }

  /** The sum over {@code axes}, which are removed. Integers give I32. */
  public final Tensor sum(int... axes) {
    return dropped(sumKeepDims(axes), axes(axes));
  }

  /** The sum over {@code axes}, which stay with size 1. */
  public final Tensor sumKeepDims(int... axes) {
    return reduce(Reduce.Kind.SUM, axes(axes));
  }

  /** The mean over {@code axes}, which are removed; floats only.
   *
   * @throws ShapeException if they hold no elements
   */
  public final Tensor mean(int... axes) {
    return dropped(meanKeepDims(axes), axes(axes));
  }

  /** The mean over {@code axes}, which stay with size 1. */
  public final Tensor meanKeepDims(int... axes) {
    List<Integer> over = axes(axes);
    return sumOf(over, TIMES, Launch.of(1.0 / count("mean", over)), self());
  }

  /** The mean squared deviation from the mean (divided by n) over {@code axes}, which are removed. */
  public final Tensor variance(int... axes) {
    List<Integer> over = axes(axes);
    Launch share = Launch.of(1.0 / count("variance", over));
    return dropped(sumOf(over, SQUARED_DEVIATION, share, self(), meanKeepDims(axes)), over);
  }

  /** The largest over {@code axes}, which are removed; NaN if one is NaN. Elements that tie share the gradient. */
  public final Tensor max(int... axes) {
    return dropped(maxKeepDims(axes), axes(axes));
  }

  public final Tensor maxKeepDims(int... axes) {
    return reduce(Reduce.Kind.MAX, axes(axes));
  }

  /** The smallest over {@code axes}, which are removed; NaN if one is NaN. Elements that tie share the gradient. */
  public final Tensor min(int... axes) {
    return dropped(minKeepDims(axes), axes(axes));
  }

  public final Tensor minKeepDims(int... axes) {
    return reduce(Reduce.Kind.MIN, axes(axes));
  }

  /** The position (I32) of the first largest along {@code axis}, which is removed; a NaN is largest. */
  public final Tensor argmax(int axis) {
    return dropped(reduce(Reduce.Kind.ARGMAX, axes(axis)), axes(axis));
  }

  /** The position (I32) of the first smallest along {@code axis}, which is removed; a NaN is smallest. */
  public final Tensor argmin(int axis) {
    return dropped(reduce(Reduce.Kind.ARGMIN, axes(axis)), axes(axis));
  }

  private long count(String what, List<Integer> axes) {
    long n = 1;
    for (int a : axes) {
      n *= self().shape().dim(a);
    }
    if (n == 0) {
      throw new ShapeException("there is no " + what + " of no elements: axes " + axes + " of " + self());
    }
    return n;
  }

  /** Running sums along {@code axis}. */
  public final Tensor cumsum(int axis) {
    return Execution.one(new CumulativeSum(self().shape().axis(axis), false), self());
  }

  /** {@code exp(x) / sum(exp(x))} along {@code axis}, safe for large x. */
  public final Tensor softmax(int axis) {
    Tensor max = self().detach().maxKeepDims(axis);
    return pointwise("softmax", SOFTMAX, self(), max, sumOf(axes(axis), EXP_OF_DIFFERENCE, Launch.NONE, self(), max));
  }

  /** {@code log(softmax(x))} along {@code axis}, exact where softmax is nearly 0. */
  public final Tensor logSoftmax(int axis) {
    Tensor max = self().detach().maxKeepDims(axis);
    return pointwise("logSoftmax", LOG_SOFTMAX, self(), max,
        sumOf(axes(axis), EXP_OF_DIFFERENCE, Launch.NONE, self(), max));
  }

  /** The matrix product, as in NumPy: {@code [M, K] x [K, N] -> [M, N]}, {@code [..., M, K] x [..., K, N]} with broadcast leading
   * dimensions, and vectors as single rows (first operand) or columns (second), whose dimension the result lacks. */
  public final Tensor matmul(Tensor b) {
    Tensor a = self();
    if (a.shape().rank() == 0 || b.shape().rank() == 0) {
      return Execution.one(new MatMul(false), a, b);
    }
    if (a.shape().rank() == 1) {
      Tensor product = a.unsqueeze(0).matmul(b);
      return product.squeeze(b.shape().rank() == 1 ? 0 : -2);
    }
    if (b.shape().rank() == 1) {
      return a.matmul(b.unsqueeze(1)).squeeze(-1);
    }
    if (b.shape().rank() == 2 && a.shape().rank() > 2) {
      // One large product instead of many small ones.
      int rows = Math.toIntExact(a.shape().with(-1, 1).size());
      return a.reshape(rows, a.shape().dim(-1)).matmul(b).reshape(a.shape().with(-1, b.shape().dim(1)).dims());
    }
    if (a.shape().rank() > 2 || b.shape().rank() > 2) {
      Shape batch = batch(a, b);
      return Execution.one(new MatMul(false), batched(a, batch), batched(b, batch));
    }
    return Execution.one(new MatMul(false), a, b);
  }

  private static Shape batch(Tensor a, Tensor b) {
    try {
      return Shape.broadcast(List.of(leading(a), leading(b)));
    } catch (ShapeException e) {
      throw new ShapeException("matmul of " + a + " and " + b + ": leading dimensions: " + e.getMessage(), e);
    }
  }

  private static Shape leading(Tensor t) {
    int rank = t.shape().rank();
    return t.shape().without(List.of(rank - 2, rank - 1));
  }

  private static Tensor batched(Tensor t, Shape batch) {
    int[] dims = new int[batch.rank() + 2];
    System.arraycopy(batch.dims(), 0, dims, 0, batch.rank());
    dims[batch.rank()] = t.shape().dim(-2);
    dims[batch.rank() + 1] = t.shape().dim(-1);
    return t.expand(dims);
  }
}
