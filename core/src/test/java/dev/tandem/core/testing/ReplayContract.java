package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The same work gives the same bits: executed twice, and prepared and replayed. */
abstract class ReplayContract extends Contract {
  /** A chain of calls over every operation; the outputs of some are the inputs of others. */
  private static final class Chain {
    final Trial trial;
    final List<Call> calls = new ArrayList<>();
    final List<Trial.Slot> inputs = new ArrayList<>();
    final List<Trial.Slot> results = new ArrayList<>();

    Chain(Trial trial) {
      this.trial = trial;
    }

    Trial.Slot input(int... dims) {
      Trial.Slot s = trial.slot(DType.F32, Arrangement.CONTIGUOUS, dims);
      inputs.add(s);
      return s;
    }

    Trial.Slot then(Op op, Trial.Slot... in) {
      List<Trial.Slot> out = trial.outputs(op, Arrangement.CONTIGUOUS, List.of(in));
      calls.add(trial.call(op, List.of(in), out));
      results.addAll(out);
      return out.get(0);
    }
  }

  private Chain chain(Trial t) {
    Chain c = new Chain(t);
    Expr a = Expr.input(0);
    Expr b = Expr.input(1);
    Expr counter = Expr.input(1, Kind.INT);
    Trial.Slot step = t.slot(DType.I32, new double[] {5}, Arrangement.CONTIGUOUS, 1);
    Trial.Slot index = t.slot(DType.I32, new double[] {3, 0, 6, 3, 3, 1, 0, 2, 5}, Arrangement.CONTIGUOUS, 9);

    Trial.Slot x = c.input(9, 33);
    Trial.Slot w = c.input(33, 17);
    Trial.Slot hidden = c.then(new MatMul(false), x, w);
    hidden = c.then(Pointwise.of("activation", Program.of(2, a.add(b).tanh(), a.max(b))), hidden, c.input(17));
    hidden = c.then(Pointwise.of("dropout",
        Program.of(2, Expr.random(counter, 0).less(0.5).where(a.mul(Expr.argument(0)), Expr.constant(0))),
        new Launch(List.of(2.0), 77), DType.F32), hidden, step);
    Trial.Slot rows = c.then(new ScatterAdd(7), hidden, index);
    c.then(new Gather(), rows, index);
    Trial.Slot sum = c.then(Reduce.sum(List.of(0), Program.of(2, a.mul(b))), hidden, c.input(9, 1));
    c.then(new CumulativeSum(1, true), sum);
    c.then(Reduce.of(Reduce.Kind.ARGMAX, List.of(1), Kind.FLOAT), hidden);
    c.then(Pointwise.of("bf16", Program.of(1, a.exp()), Launch.NONE, DType.BF16), hidden);
    if (backendSupportsLoss()) {
      Trial.Slot loss = c.then(new SoftmaxCrossEntropy(), hidden, index);
      Trial.Slot logSumExp = c.results.get(c.results.size() - 1);
      c.then(new SoftmaxCrossEntropyGrad(), hidden, index, logSumExp, loss);
    }
    Trial.Slot image = c.input(2, 16, 9, 8);
    Trial.Slot kernel = c.input(24, 16, 3, 3);
    ConvGeometry g = ConvGeometry.of(1, 1);
    Trial.Slot y = c.then(new Conv2d(g), image, kernel);
    PoolGeometry p = new PoolGeometry(PoolGeometry.Kind.MAX, 3, 3, 2, 2, 1, 1);
    Trial.Slot pooled = c.then(new Pool2d(p), y);
    Trial.Slot gradient = c.then(new Pool2dGrad(p), y, pooled);
    c.then(new Conv2dGradInput(g, 9, 8), gradient, kernel);
    c.then(new Conv2dGradWeight(g, 3, 3), image, gradient);
    // Large enough for every thread to have a share.
    Trial.Slot large = c.input(70_001);
    c.then(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT),
        c.then(Pointwise.of("square", Program.of(1, a.mul(a))), large));
    // In place, as an optimizer does it.
    Trial.Slot rate = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1);
    c.calls.add(t.call(Pointwise.of("update", Program.of(3, a.sub(b.mul(Expr.input(2)).mul(0.01)))),
        List.of(w, w, rate), List.of(w)));
    c.results.add(w);
    return c;
  }

  private boolean backendSupportsLoss() {
    return backend().supports(new SoftmaxCrossEntropy()) && backend().supports(new SoftmaxCrossEntropyGrad());
  }

  private static void rewrite(Chain c, Backend backend, int round) {
    Random random = new Random(round);
    for (Trial.Slot s : c.inputs) {
      HostArray values = HostArray.zeros(s.dtype(), (int) s.shape().size());
      for (int i = 0; i < s.shape().size(); i++) {
        values.set(i, random.nextGaussian());
      }
      backend.write(s.got(), 0, values.data());
    }
  }

  private static List<HostArray> results(Chain c) {
    List<HostArray> r = new ArrayList<>();
    for (Trial.Slot s : c.results) {
      r.add(c.trial.read(s));
    }
    return r;
  }

  private static void assertSame(Chain c, List<HostArray> got, List<HostArray> want, String what) {
    for (int i = 0; i < got.size(); i++) {
      assertThat(got.get(i).data().mismatch(want.get(i).data()))
          .as("%s: first different byte of result %d of %s", what, i, c.calls).isEqualTo(-1);
    }
  }

  @Test
  void executingTwiceGivesTheSameBits() {
    trial(1, t -> {
      Chain c = chain(t);
      for (int round = 0; round < 3; round++) {
        rewrite(c, backend(), round);
        c.calls.forEach(backend()::execute);
        List<HostArray> first = results(c);
        rewrite(c, backend(), round);
        c.calls.forEach(backend()::execute);
        assertSame(c, results(c), first, "round " + round);
      }
    });
  }

  @Test
  void aReplayGivesTheBitsOfTheCallsInOrder() {
    trial(2, t -> {
      Chain c = chain(t);
      rewrite(c, backend(), 100);
      c.calls.forEach(backend()::execute);
      backend().synchronize();
      try (Replay replay = backend().prepare(c.calls)) {
        for (int round = 0; round < 5; round++) {
          rewrite(c, backend(), round);
          c.calls.forEach(backend()::execute);
          List<HostArray> executed = results(c);
          rewrite(c, backend(), round);
          replay.run();
          assertSame(c, results(c), executed, "round " + round);
        }
      }
    });
  }

  /** A replay reads what is in memory when it runs: numbers the host wrote, and its own results of last time. */
  @Test
  void replaysGoOnFromEachOther() {
    trial(3, t -> {
      Chain c = chain(t);
      c.calls.forEach(backend()::execute);
      backend().synchronize();
      try (Replay replay = backend().prepare(c.calls)) {
        rewrite(c, backend(), 9);
        for (int i = 0; i < 4; i++) {
          c.calls.forEach(backend()::execute);
        }
        List<HostArray> executed = results(c);
        rewrite(c, backend(), 9);
        for (int i = 0; i < 4; i++) {
          replay.run();
        }
        assertSame(c, results(c), executed, "four in a row");
      }
    });
  }

  @Test
  void anEmptyReplayDoesNothing() {
    try (Replay replay = backend().prepare(List.of())) {
      replay.run();
      backend().synchronize();
    }
  }
}
