package dev.tandem.core.nn;

import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;

/**
 * Graph convolution over a list of edges: node i becomes {@code W_root x_i + W_rel a_i + b}, where a_i is the sum or the mean of x_j
 * over all edges from j to i: Morris et al., Weisfeiler and Leman go neural, 2019, equation 5; with the mean GraphSAGE of Hamilton,
 * Ying, Leskovec 2017. A node without incoming edges has a_i = 0.
 *
 * <p>Node features {@code [V, in]}, edges I32 {@code [2, E] -> [V, out]}. State as GraphConv in PyTorch Geometric:
 * {@code lin_rel.weight [out, in], lin_rel.bias [out], lin_root.weight [out, in]}. Several graphs are one whose parts are not connected.
 */
public final class MessagePassing extends Block {
  /** What becomes of the messages that arrive at a node. */
  public enum Aggregation {
    SUM, MEAN
  }

  private static final Program OVER_COUNT = Program.of(2, Expr.input(0).div(Expr.input(1).max(1)));

  private final int in;
  private final Aggregation aggregation;
  private final Linear ofNeighbours;
  private final Linear ofSelf;

  public MessagePassing(int in, int out, Aggregation aggregation) {
    this.in = in;
    this.aggregation = aggregation;
    ofNeighbours = child("lin_rel", new Linear(in, out));
    ofSelf = child("lin_root", new Linear(in, out, false));
  }

  /** @param edges I32 {@code [2, E]}: the nodes that edges come from, then the nodes they go to; an undirected edge is there twice */
  public Tensor apply(Tensor x, Tensor edges) {
    return frame(() -> {
      check(x, edges);
      int nodes = x.shape().dim(0);
      Tensor to = edges.select(0, 1);
      ScatterAdd arrive = new ScatterAdd(nodes);
      Tensor arrived = Execution.one(arrive, x.indexSelect(0, edges.select(0, 0)), to);
      if (aggregation == Aggregation.MEAN) {
        Tensor count = Execution.one(arrive, Tensor.ones(x.device(), edges.shape().dim(1), 1), to);
        arrived = Tensor.pointwise("mean", OVER_COUNT, arrived, count);
      }
      return ofNeighbours.apply(arrived).add(ofSelf.apply(x));
    });
  }

  private void check(Tensor x, Tensor edges) {
    Shape shape = x.shape();
    if (shape.rank() != 2 || shape.dim(1) != in) {
      throw new ShapeException(name() + " of " + x + ": node features must be [V, " + in + "]");
    }
    Shape e = edges.shape();
    if (e.rank() != 2 || e.dim(0) != 2 || edges.dtype() != DType.I32) {
      throw new ShapeException(name() + " of " + x + ": edges must be I32[2, E], sources over targets, not " + edges
          + (e.rank() == 2 && e.dim(1) == 2 ? "; transpose them" : ""));
    }
  }
}
