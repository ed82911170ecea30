package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
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
  /** {@code x, gradY, mean, 1 / root, mean of g z / root², mean of g / root, (weight) -> gradX}. */
  private static final Program GRAD = Program.of(6, gradX(B));
  private static final Program AFFINE_GRAD = Program.of(7, gradX(B.mul(Expr.input(6))));

  /** What one thread sums some rows with. */
  static final class Scratch {
    final RowTotals totals = new RowTotals(Lanes.AVAILABLE);
    final float[] centers = new float[RowTotals.ROWS];
    /** Of a block. */
    final float[] means;
    final float[] inverses;
    final double[] first = new double[RowTotals.ROWS];
    final double[] second = new double[RowTotals.ROWS];

    Scratch(int blockRows) {
      means = new float[blockRows];
      inverses = new float[blockRows];
    }
  }

  final Call call;
  final Team team;
  final double eps;
  final boolean affine;
  final Axes axes;
  final long[] base;
  final int columns;
  final int rows;
  final int blockRows;
  private final Scratch[] scratch;
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
    if ((long) rows * columns >= WarmUp.ELEMENTS) {
      RowTotals.warmUp();
    }
    scratch = new Scratch[team.size()];
    places = new RowProgram.Places[team.size()];
    for (int w = 0; w < places.length; w++) {
      scratch[w] = new Scratch(blockRows);
      places[w] = new RowProgram.Places();
    }
  }

  private static Expr gradX(Expr g) {
    return g.mul(D).sub(A.sub(C).mul(Expr.input(4))).sub(Expr.input(5));
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

  final Scratch scratch(int worker) {
    return scratch[worker];
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
      long inverses = Workspace.floats(Workspace.Slot.ROWS, blockRows);
      for (int r = 0; r < n; r += RowTotals.ROWS) {
        statistics(scratch(worker), from + r, Math.min(RowTotals.ROWS, n - r), inverses + 4L * r);
      }
      RowProgram.Places p = places(worker);
      p.and(at(X, from), row(X)).and(at(ofMean, from), row(ofMean)).and(inverses, 4);
      if (affine) {
        p.and(base[WEIGHT], 0).and(base[BIAS], 0);
      }
      p.and(at(Y, from), row(Y));
      normalize.run(p, n, columns);
    }

    private void statistics(Scratch s, int from, int n, long inverses) {
      s.totals.sums(at(X, from), row(X), n, columns, s.first);
      for (int r = 0; r < n; r++) {
        s.centers[r] = (float) (s.first[r] / columns);
        Memory.setFloat(at(ofMean, from + r), s.centers[r]);
      }
      s.totals.squares(at(X, from), row(X), n, columns, s.centers, s.first);
      for (int r = 0; r < n; r++) {
        float variance = (float) (s.first[r] / columns);
        Memory.setFloat(at(ofMean + 1, from + r), variance);
        Memory.setFloat(inverses + 4L * r, inverse(variance));
      }
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
    private final RowProgram grad;
    /** Sums for the weights, then for the biases, of every part. */
    private final double[][] sums;
    private final ColumnTotals[] columnTotals;

    Backward(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
      super(op, operands, axes, call, team);
      ofMean = operands.size() - 2;
      grad = program(affine ? AFFINE_GRAD : GRAD, 2, 3, 4, 5);
      int blocks = (rows + blockRows - 1) / blockRows;
      parts = affine ? Math.min(PARTS, blocks) : blocks;
      sums = new double[affine ? 2 * parts : 0][columns];
      columnTotals = new ColumnTotals[affine ? team.size() : 0];
      Arrays.setAll(columnTotals, w -> new ColumnTotals(columns, Lanes.AVAILABLE));
      if (affine && (long) rows * columns >= WarmUp.ELEMENTS) {
        ColumnTotals.warmUpOfScaledProducts();
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
            total += sums[k + p][j];
          }
          Memory.setFloat(to + 4L * j, (float) total);
        }
      }
    }

    @Override
    public void run(int worker, int part) {
      int from = Gemm.cut(rows, parts, part);
      int end = Gemm.cut(rows, parts, part + 1);
      long numbers = Workspace.floats(Workspace.Slot.ROWS, 3L * blockRows);
      if (affine) {
        Arrays.fill(sums[part], 0);
        Arrays.fill(sums[parts + part], 0);
      }
      for (int r = from; r < end; r += blockRows) {
        block(worker, part, r, Math.min(blockRows, end - r), numbers);
      }
    }

    /** @param numbers room for three of every row */
    private void block(int worker, int part, int from, int n, long numbers) {
      long inverses = numbers;
      long ofProducts = inverses + 4L * blockRows;
      long ofSums = ofProducts + 4L * blockRows;
      Scratch s = scratch(worker);
      for (int r = 0; r < n; r += RowTotals.ROWS) {
        int some = Math.min(RowTotals.ROWS, n - r);
        for (int i = 0; i < some; i++) {
          s.centers[i] = Memory.getFloat(at(ofMean, from + r + i));
          s.means[r + i] = s.centers[i];
          s.inverses[r + i] = inverse(Memory.getFloat(at(ofMean + 1, from + r + i)));
        }
        s.totals.products(at(X, from + r), row(X), at(OF_Y, from + r), row(OF_Y), affine ? base[WEIGHT] : 0, some,
            columns, s.centers, s.first, s.second);
        for (int i = 0; i < some; i++) {
          float inverse = s.inverses[r + i];
          Memory.setFloat(inverses + 4L * (r + i), inverse);
          double ofProduct = s.second[i] / columns * inverse * inverse * inverse;
          Memory.setFloat(ofProducts + 4L * (r + i), (float) ofProduct);
          Memory.setFloat(ofSums + 4L * (r + i), (float) (s.first[i] / columns * inverse));
        }
      }
      if (affine) {
        columnTotals[worker].addScaledProducts(at(X, from), row(X), at(OF_Y, from), row(OF_Y), n, s.means, s.inverses,
            sums[parts + part], sums[part]);
      }
      RowProgram.Places p = places(worker);
      p.and(at(X, from), row(X)).and(at(OF_Y, from), row(OF_Y)).and(at(ofMean, from), row(ofMean)).and(inverses, 4)
          .and(ofProducts, 4)
          .and(ofSums, 4);
      if (affine) {
        p.and(base[WEIGHT], 0);
      }
      p.and(at(OF_X, from), row(OF_X));
      grad.run(p, n, columns);
    }
  }
}
