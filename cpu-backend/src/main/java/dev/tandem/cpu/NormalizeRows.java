package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation of dense rows, each with statistics of its own and all with one row of weights: layer normalisation. Some rows at a
 * time are read from memory once and done while they are in the cache. Gradients of the weights are summed in parts, consecutive rows
 * whose number follows from the shape, which are added up in order.
 */
abstract class NormalizeRows implements Runnable, Team.Body {
  /** Elements of a block; with what is computed of them they stay in the second-level cache. */
  private static final int BLOCK = 8192;
  /** Parts of the sums over rows, at most. */
  private static final int PARTS = 32;

  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Expr C = Expr.input(2);
  private static final Expr D = Expr.input(3);
  private static final Expr E = Expr.input(4);
  private static final Expr Z = A.sub(B).mul(C);
  private static final Program SQUARE = Program.of(2, A.sub(B).mul(A.sub(B)));
  /** {@code x, mean, 1 / root, gradY, (weight) -> g z, (gradY z, g)}. */
  private static final Program PRODUCT = Program.of(4, D.mul(Z));
  private static final Program PRODUCTS = Program.of(5, D.mul(E).mul(Z), D.mul(Z), D.mul(E));
  /** {@code x, mean, 1 / root, g, mean of g, mean of g z -> gradX}. */
  private static final Program GRAD = Program.of(6, D.sub(E).sub(Z.mul(Expr.input(5))).mul(C));

  final Call call;
  final Team team;
  final double eps;
  final boolean affine;
  final Axes axes;
  final long[] base;
  final int columns;
  final int rows;
  final int blockRows;
  final Fold sum;
  private final Fold.Accumulator[] accumulators;
  private final RowProgram.Places[] places;

  private NormalizeRows(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
    this.call = call;
    this.team = team;
    this.axes = axes;
    eps = op.eps();
    affine = op.affine();
    base = operands.stream().mapToLong(PointwiseKernels::address).toArray();
    rows = Math.toIntExact(axes.dim(0));
    columns = (int) axes.dim(1);
    blockRows = Math.min(rows, Math.max(1, BLOCK / columns));
    sum = Fold.of(Reduce.Kind.SUM, true, Lanes.AVAILABLE);
    accumulators = new Fold.Accumulator[team.size()];
    places = new RowProgram.Places[team.size()];
    for (int w = 0; w < places.length; w++) {
      accumulators[w] = new Fold.Accumulator(1);
      places[w] = new RowProgram.Places();
    }
  }

  /** What does the forward pass; null if the operands do not lie so. */
  static @Nullable NormalizeRows forward(Normalize op, Call call, Team team) {
    List<Operand> in = call.in();
    List<Operand> operands = new ArrayList<>(List.of(in.get(0), call.out().get(0)));
    if (op.affine()) {
      operands.addAll(in.subList(1, 3));
    }
    operands.addAll(call.out().subList(1, 3));
    Axes axes = axes(op, operands, 2, operands.size() - 2);
    return axes == null ? null : new Forward(op, operands, axes, call, team);
  }

  /** What does the gradient; null if the operands do not lie so. */
  static @Nullable NormalizeRows backward(Normalize op, Call call, Team team) {
    List<Operand> in = call.in();
    List<Operand> operands = new ArrayList<>(List.of(in.getFirst(), in.getLast(), call.out().getFirst()));
    if (op.affine()) {
      operands.add(in.get(1));
      operands.addAll(call.out().subList(1, 3));
    }
    operands.addAll(in.subList(in.size() - 3, in.size() - 1));
    Axes axes = axes(op, operands, 3, operands.size() - 2);
    return axes == null ? null : new Backward(op, operands, axes, call, team);
  }

  /** @param full operands of the shape of x; then up to {@code weights} those of a row's; then statistics */
  private static @Nullable Axes axes(Normalize op, List<Operand> operands, int full, int weights) {
    if (operands.getFirst().shape().size() == 0) {
      return null;
    }
    List<Layout> layouts = operands.stream().map(o -> o.layout().expand(operands.getFirst().shape())).toList();
    long[] units = new long[layouts.size()];
    Arrays.fill(units, Float.BYTES);
    Axes axes = Axes.of(operands.getFirst().shape(), layouts, units, full, op.axes(), false);
    if (axes.rank() != 2 || axes.isReduced(0) || !axes.isReduced(1) || axes.dim(1) > BLOCK) {
      return null;
    }
    for (int k = 0; k < weights; k++) {
      if (axes.strides(1)[k] != Float.BYTES || k >= full && axes.strides(0)[k] != 0) {
        return null;
      }
    }
    return axes;
  }

  /** A program over operands of which some are one number for a row. */
  final RowProgram program(Program p, int... repeated) {
    List<Access> accesses =
        new ArrayList<>(Collections.nCopies(p.inputs().size() + p.outputs().size(), Access.BLOCK));
    for (int k : repeated) {
      accesses.set(k, new Access(Access.BLOCK.dtype(), Access.Step.ZERO));
    }
    return new RowProgram(p, List.copyOf(accesses));
  }

  final RowProgram.Places places(int worker) {
    return places[worker];
  }

  final long at(int operand, int row) {
    return base[operand] + row * row(operand);
  }

  /** Bytes between rows. */
  final long row(int operand) {
    return axes.strides(0)[operand];
  }

  /** The mean of a dense row. */
  final double mean(int worker, long address) {
    Fold.Accumulator a = accumulators[worker];
    sum.clear(a, 1);
    sum.row(a, address, columns, 0);
    return a.value[0] / columns;
  }

  /** One by the root of a variance. */
  final float inverse(float variance) {
    return (float) (1 / Math.sqrt(variance + eps));
  }

  final void share(int chunks) {
    Chunks.run(call, team, Chunks.isSmall((long) rows * columns, 2), chunks, this);
  }

  private static final class Forward extends NormalizeRows {
    private static final int X = 0;
    private static final int Y = 1;
    private static final int WEIGHT = 2;
    private static final int BIAS = 3;
    private final int ofMean;
    private final RowProgram square = program(SQUARE, 1);
    private final RowProgram normalize;

    Forward(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
      super(op, operands, axes, call, team);
      ofMean = operands.size() - 2;
      normalize = program(affine ? NormalizeKernels.AFFINE : NormalizeKernels.PLAIN, 1, 2);
    }

    @Override
    public void run() {
      share((rows + blockRows - 1) / blockRows);
    }

    @Override
    public void run(int worker, int chunk) {
      int from = chunk * blockRows;
      int n = Math.min(blockRows, rows - from);
      long squares = Workspace.floats(Workspace.Slot.ROWS, (long) blockRows * (columns + 1));
      long inverses = squares + 4L * blockRows * columns;
      for (int r = 0; r < n; r++) {
        Memory.setFloat(at(ofMean, from + r), (float) mean(worker, at(X, from + r)));
      }
      RowProgram.Places p = places(worker);
      p.and(at(X, from), row(X)).and(at(ofMean, from), row(ofMean)).and(squares, 4L * columns);
      square.run(p, n, columns);
      for (int r = 0; r < n; r++) {
        float variance = (float) mean(worker, squares + 4L * r * columns);
        Memory.setFloat(at(ofMean + 1, from + r), variance);
        Memory.setFloat(inverses + 4L * r, inverse(variance));
      }
      p.and(at(X, from), row(X)).and(at(ofMean, from), row(ofMean)).and(inverses, 4);
      if (affine) {
        p.and(base[WEIGHT], 0).and(base[BIAS], 0);
      }
      p.and(at(Y, from), row(Y));
      normalize.run(p, n, columns);
    }
  }

  private static final class Backward extends NormalizeRows {
    private static final int X = 0;
    private static final int OF_Y = 1;
    private static final int OF_X = 2;
    private static final int WEIGHT = 3;
    private static final int OF_WEIGHT = 4;
    private static final int OF_BIAS = 5;
    private final int ofMean;
    private final int parts;
    private final RowProgram products;
    private final RowProgram grad;
    /** Sums for the weights, then for the biases, of every part. */
    private final Fold.Accumulator[] sums;

    Backward(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
      super(op, operands, axes, call, team);
      ofMean = operands.size() - 2;
      products = affine ? program(PRODUCTS, 1, 2) : program(PRODUCT, 1, 2);
      grad = program(GRAD, 1, 2, 4, 5);
      int blocks = (rows + blockRows - 1) / blockRows;
      parts = affine ? Math.min(PARTS, blocks) : blocks;
      sums = new Fold.Accumulator[affine ? 2 * parts : 0];
      for (int i = 0; i < sums.length; i++) {
        sums[i] = new Fold.Accumulator(columns);
      }
    }

    @Override
    public void run() {
      share(parts);
      for (int k = 0; k < sums.length; k += parts) {
        long to = base[k == 0 ? OF_WEIGHT : OF_BIAS];
        for (int j = 0; j < columns; j++) {
          double total = 0;
          for (int p = 0; p < parts; p++) {
            total += sums[k + p].value[j];
          }
          Memory.setFloat(to + 4L * j, (float) total);
        }
      }
    }

    @Override
    public void run(int worker, int part) {
      int from = Gemm.cut(rows, parts, part);
      int end = Gemm.cut(rows, parts, part + 1);
      long memory = Workspace.floats(Workspace.Slot.ROWS, (long) blockRows * (3L * columns + 3));
      if (affine) {
        sum.clear(sums[part], columns);
        sum.clear(sums[parts + part], columns);
      }
      for (int r = from; r < end; r += blockRows) {
        block(worker, part, r, Math.min(blockRows, end - r), memory);
      }
    }

    private void block(int worker, int part, int from, int n, long memory) {
      long rowBytes = 4L * columns;
      long product = memory;
      long ofWeight = product + blockRows * rowBytes;
      long weighted = ofWeight + blockRows * rowBytes;
      long inverses = weighted + blockRows * rowBytes;
      long means = inverses + 4L * blockRows;
      long meanProducts = means + 4L * blockRows;
      for (int r = 0; r < n; r++) {
        Memory.setFloat(inverses + 4L * r, inverse(Memory.getFloat(at(ofMean + 1, from + r))));
      }
      RowProgram.Places p = places(worker);
      p.and(at(X, from), row(X)).and(at(ofMean, from), row(ofMean)).and(inverses, 4).and(at(OF_Y, from), row(OF_Y));
      if (affine) {
        p.and(base[WEIGHT], 0).and(product, rowBytes).and(ofWeight, rowBytes).and(weighted, rowBytes);
      } else {
        p.and(product, rowBytes);
      }
      products.run(p, n, columns);
      // The gradient of a row that is multiplied by no weights is that of y.
      long g = affine ? weighted : at(OF_Y, from);
      long gRow = affine ? rowBytes : row(OF_Y);
      for (int r = 0; r < n; r++) {
        Memory.setFloat(means + 4L * r, (float) mean(worker, g + r * gRow));
        Memory.setFloat(meanProducts + 4L * r, (float) mean(worker, product + r * rowBytes));
      }
      if (affine) {
        columns(sums[part], ofWeight, rowBytes, n);
        columns(sums[parts + part], at(OF_Y, from), row(OF_Y), n);
      }
      p.and(at(X, from), row(X)).and(at(ofMean, from), row(ofMean)).and(inverses, 4).and(g, gRow)
          .and(means, 4).and(meanProducts, 4).and(at(OF_X, from), row(OF_X));
      grad.run(p, n, columns);
    }

    private void columns(Fold.Accumulator a, long address, long rowBytes, int n) {
      for (int r = 0; r < n; r += ColumnSums.ROWS) {
        sum.columns(a, address + r * rowBytes, rowBytes, Math.min(ColumnSums.ROWS, n - r), columns, r);
      }
    }
  }
}
