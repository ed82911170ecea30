package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Normalisation. Dense rows with statistics of their own, as in layers and instances, are done while they are in the cache, by
 * {@link NormalizeRows}, matrices of pixels by channels by {@link NormalizeColumns}; everything else is sums and one elementwise
 * program. The variance is that of differences from the mean, and everything is divided by the root once for each group, not for each
 * element.
 */
final class NormalizeKernels {
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Expr C = Expr.input(2);
  private static final Expr D = Expr.input(3);
  private static final Expr E = Expr.input(4);
  /** How many elements a group has, and eps. */
  private static final Expr COUNT = Expr.argument(0);
  private static final Expr EPS = Expr.argument(1);
  private static final Expr ONE = Expr.constant(1);

  private static final Program SHARE = Program.of(1, A.div(COUNT));
  /** {@code x, mean}. */
  private static final Program SQUARE = Program.of(2, A.sub(B).mul(A.sub(B)));
  /** {@code sum of squares -> variance, 1 / root}. */
  private static final Program VARIANCE =
      Program.of(1, A.div(COUNT), ONE.div(A.div(COUNT).add(EPS).sqrt()));
  /** {@code variance -> 1 / root}. */
  private static final Program INVERSE = Program.of(1, ONE.div(A.add(EPS).sqrt()));
  /** {@code x, mean, 1 / root, (weight, bias)}. */
  static final Program PLAIN = Program.of(3, A.sub(B).mul(C));
  static final Program AFFINE = Program.of(5, A.sub(B).mul(C).mul(D).add(E));
  /** {@code x, mean, 1 / root, gradY, (weight) -> gradY (weight) z}. */
  private static final Program OF_WEIGHT = Program.of(4, D.mul(A.sub(B).mul(C)));
  private static final Program PRODUCT = Program.of(5, D.mul(E).mul(A.sub(B).mul(C)));
  private static final Program WEIGHTED = Program.of(2, A.mul(B));
  /** {@code sum of g, sum of g z, 1 / root -> mean of g, mean of g z / root}. */
  private static final Program SHARES = Program.of(3, A.div(COUNT), B.div(COUNT).mul(C));
  /** {@code gradBias, gradWeight, 1 / root, weight}: the same where weight and statistics belong to the same groups. */
  private static final Program SHARES_OF_WEIGHTS =
      Program.of(4, A.mul(D).div(COUNT), B.mul(D).div(COUNT).mul(C));
  /** {@code x, mean, 1 / root, gradY, mean of g, mean of g z / root, (weight) -> gradX}. */
  private static final Program GRAD = Program.of(6, gradX(D));
  private static final Program AFFINE_GRAD = Program.of(7, gradX(D.mul(Expr.input(6))));

  private final Call call;
  private final Team team;
  private final Launch launch;
  private final List<Runnable> parts = new ArrayList<>();

  private NormalizeKernels(Normalize op, Call call, Team team) {
    this.call = call;
    this.team = team;
    launch = Launch.of(count(op, call), op.eps());
  }

  private static Expr gradX(Expr g) {
    return g.sub(E).sub(A.sub(B).mul(Expr.input(5))).mul(C);
  }

  /** Elements of a group. */
  static double count(Normalize op, Call call) {
    Shape x = call.in().getFirst().shape();
    return (double) x.size() / Math.max(1, x.reduced(op.axes()).size());
  }

  /** Bytes: three numbers for each group. */
  static long scratch(Normalize op, List<Operand> in) {
    return 3 * DenseOperands.room(in.getFirst().shape().reduced(op.axes()).size());
  }

  /** Statistic {@code k} in scratch memory. */
  private static Operand temporary(Normalize op, Call call, int k) {
    Shape shape = call.in().getFirst().shape().reduced(op.axes());
    Layout dense = Layout.contiguous(shape);
    long[] strides = IntStream.range(0, shape.rank()).mapToLong(dense::stride).toArray();
    return new Operand(CpuStorage.scratch(call), Layout.of(shape, strides, k * DenseOperands.room(shape.size()) / 4));
  }

  /** {@code x, (weight, bias) -> y, mean, variance}. */
  static Runnable prepareForward(Normalize op, Call call, Team team) {
    if (call.out().getFirst().shape().size() == 0) {
      return () -> {
      };
    }
    Runnable fused = NormalizeRows.forward(op, call, team);
    fused = fused == null ? NormalizeColumns.forward(op, call, team) : fused;
    if (fused != null) {
      return fused;
    }
    List<Operand> in = call.in();
    Operand x = in.get(0);
    Operand mean = call.out().get(1);
    Operand variance = call.out().get(2);
    Operand inverse = temporary(op, call, 0);
    NormalizeKernels k = new NormalizeKernels(op, call, team);
    k.sum(op.axes(), Program.IDENTITY, List.of(x), mean);
    k.elements(SHARE, List.of(mean), mean);
    k.sum(op.axes(), SQUARE, List.of(x, mean), variance);
    k.elements(VARIANCE, List.of(variance), variance, inverse);
    if (op.affine()) {
      k.elements(AFFINE, List.of(x, mean, inverse, in.get(1), in.get(2)), call.out().getFirst());
    } else {
      k.elements(PLAIN, List.of(x, mean, inverse), call.out().getFirst());
    }
    return k.inOrder();
  }

  /** {@code x, (weight), mean, variance, gradY -> gradX, (gradWeight, gradBias)}. */
  static Runnable prepareGrad(Normalize op, Call call, Team team) {
    Runnable fused = NormalizeRows.backward(op, call, team);
    fused = fused == null ? NormalizeColumns.backward(op, call, team) : fused;
    if (fused != null) {
      return fused;
    }
    NormalizeKernels k = new NormalizeKernels(op, call, team);
    int at = op.affine() ? 2 : 1;
    Operand x = call.in().get(0);
    Operand mean = call.in().get(at);
    Operand dy = call.in().get(at + 2);
    Operand inverse = temporary(op, call, 0);
    Operand sum = temporary(op, call, 1);
    Operand product = temporary(op, call, 2);
    Operand weight = op.affine() ? call.in().get(1) : null;
    k.elements(INVERSE, List.of(call.in().get(at + 1)), inverse);
    if (weight == null) {
      k.sum(op.axes(), Program.IDENTITY, List.of(dy), sum);
      k.sum(op.axes(), OF_WEIGHT, List.of(x, mean, inverse, dy), product);
    } else {
      Operand ofWeight = call.out().get(1);
      Operand ofBias = call.out().get(2);
      List<Integer> repeated =
          IntStream.range(0, x.shape().rank()).filter(i -> weight.shape().dim(i) == 1).boxed().toList();
      k.sum(repeated, Program.IDENTITY, List.of(dy), ofBias);
      k.sum(repeated, OF_WEIGHT, List.of(x, mean, inverse, dy), ofWeight);
      if (weight.shape().equals(mean.shape())) {
        k.elements(SHARES_OF_WEIGHTS, List.of(ofBias, ofWeight, inverse, weight), sum, product);
      } else {
        k.sum(op.axes(), WEIGHTED, List.of(dy, weight), sum);
        k.sum(op.axes(), PRODUCT, List.of(x, mean, inverse, dy, weight), product);
      }
    }
    if (weight == null || !weight.shape().equals(mean.shape())) {
      k.elements(SHARES, List.of(sum, product, inverse), sum, product);
    }
    List<Operand> all = new ArrayList<>(List.of(x, mean, inverse, dy, sum, product));
    if (weight != null) {
      all.add(weight);
    }
    k.elements(weight == null ? GRAD : AFFINE_GRAD, all, call.out().getFirst());
    return k.inOrder();
  }

  private void sum(List<Integer> axes, Program prologue, List<Operand> in, Operand out) {
    Reduce op = new Reduce(Reduce.Kind.SUM, axes, prologue, launch);
    parts.add(ReduceKernels.prepare(op, new Call(op, in, List.of(out), null), team));
  }

  private void elements(Program program, List<Operand> in, Operand... out) {
    Pointwise op = Pointwise.of("normalize", program, launch, DType.F32);
    parts.add(PointwiseKernels.prepare(op, new Call(op, in, List.of(out), null), team));
  }

  private Runnable inOrder() {
    return () -> {
      try {
        for (Runnable r : parts) {
          r.run();
        }
      } finally {
        Reference.reachabilityFence(call);
      }
    };
  }
}
