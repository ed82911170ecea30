package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * Graph convolution over a dense adjacency matrix, {@code A X W^T + b}: Kipf and Welling, Semi-supervised classification with graph
 * convolutional networks, 2017, equation 2, without its nonlinearity. Node features {@code [..., V, in]}, adjacency {@code [V, V]} or
 * {@code [..., V, V] -> [..., V, out]}; weight {@code [out, in]} at first Glorot uniform, bias {@code [out]} zero.
 *
 * <p>For large sparse graphs take {@link MessagePassing}.
 */
public final class GraphConvolution extends Block {
  /** Adjacency [.., V, V] and numbers of nodes, as a column and as a row: 1 more on the diagonal. */
  private static final Expr WITH_SELF_LOOPS =
      Expr.input(0).add(Expr.input(1, Kind.INT).equal(Expr.input(2, Kind.INT)).toFloat());
  private static final Program DEGREE = Program.of(3, WITH_SELF_LOOPS);
  private static final Program NORMALIZED =
      Program.of(5, WITH_SELF_LOOPS.div(Expr.input(3).mul(Expr.input(4)).sqrt()));

  private final int in;
  private final Parameter weight;
  private final Parameter bias;

  public GraphConvolution(int in, int out) {
    if (in < 1 || out < 1) {
      throw new ShapeException("GraphConvolution from " + in + " to " + out + " features; both must be positive");
    }
    this.in = in;
    weight = parameter("weight", Initializers.glorotUniform(), out, in);
    bias = parameter("bias", Initializers.zeros(), out);
  }

  /** {@code D^-1/2 (A + I) D^-1/2} with D the row sums of A + I: the adjacency that Kipf and Welling convolve with. It is the same in
   * every step, so compute it once, outside training.
   *
   * @param adjacency symmetric F32 {@code [..., V, V]}, not negative, without self-loops
   */
  public static Tensor normalized(Tensor adjacency) {
    Shape shape = adjacency.shape();
    if (shape.rank() < 2 || shape.dim(-1) != shape.dim(-2)) {
      throw new ShapeException("an adjacency matrix must be [..., V, V], not " + shape);
    }
    int nodes = shape.dim(-1);
    Tensor row = Tensor.arange(adjacency.device(), nodes);
    Tensor column = row.reshape(nodes, 1);
    Tensor degrees = Tensor.sumOf(List.of(shape.rank() - 1), DEGREE, Launch.NONE, adjacency, row, column);
    return Tensor.pointwise("normalized", NORMALIZED, adjacency, row, column, degrees, degrees.transpose(-1, -2));
  }

  /** @param adjacency weight of the edge from node j to node i at {@code [i, j]}, such as {@link #normalized} */
  public Tensor apply(Tensor x, Tensor adjacency) {
    return frame(() -> {
      Shape shape = x.shape();
      if (shape.rank() < 2 || shape.dim(-1) != in) {
        throw new ShapeException(name() + " of " + x + ": node features must be [..., V, " + in + "]");
      }
      Shape a = adjacency.shape();
      if (a.rank() < 2 || a.dim(-1) != shape.dim(-2) || a.dim(-2) != shape.dim(-2)) {
        throw new ShapeException(name() + " of " + x + ": the adjacency must be [" + shape.dim(-2) + ", "
            + shape.dim(-2) + "], or such matrices in batches, not " + a);
      }
      return adjacency.matmul(x.matmul(weight.tensor().transpose(0, 1))).add(bias.tensor());
    });
  }
}
