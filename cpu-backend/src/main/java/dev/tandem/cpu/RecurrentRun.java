package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * What the passes through a sequence, forward and backward, have in common: sizes, memory, and how the team shares a step. Matrices
 * are dense: [T, N, ...] of steps, [N, H] of states.
 *
 * <p>A chunk of a step is some hidden units, with all their gates, of some sequences: the weights that a thread reads stay in its own
 * second-level cache from step to step. Products do not round differently where they are cut, and elements are computed each for
 * itself, so results do not depend on threads.
 */
abstract class RecurrentRun implements Runnable {
  /** Multiplications of a step that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 18;
  /** Chunks of a step, at most. */
  private static final int MOST_CHUNKS = 64;
  /** Sequences of a chunk, at least: as many as read the same weights from the first-level cache. */
  private static final int FEW = 32;

  final Recurrent op;
  final Recurrent.Cell cell;
  final Team team;
  final int steps;
  final int sequences;
  final int features;
  final int hidden;
  /** G * H. */
  final int width;
  /** T * N. */
  final int tall;
  /** Bytes of a row of states, and of a row of gates. */
  final long stateRow;
  final long gateRow;
  /** And of features of a sequence. */
  final long featureRow;
  final DenseOperands in;
  final DenseOperands out;
  /** Of each sequence; only if masked. */
  final int[] lengths;
  private final Call call;
  private final int acrossUnits;
  private final int acrossRows;
  /** By worker, then chunk. */
  private final Part[][] parts;

  RecurrentRun(Recurrent op, DenseOperands in, Call call, Team team) {
    this.op = op;
    this.call = call;
    this.team = team;
    this.in = in;
    cell = op.cell();
    out = new DenseOperands(call.out());
    steps = call.in().get(0).shape().dim(0);
    sequences = call.in().get(0).shape().dim(1);
    features = call.in().get(0).shape().dim(2);
    hidden = call.in().get(1).shape().dim(1);
    width = Math.multiplyExact(cell.gates(), hidden);
    tall = Math.multiplyExact(steps, sequences);
    stateRow = 4L * hidden;
    gateRow = 4L * width;
    featureRow = 4L * features;
    lengths = new int[op.masked() ? sequences : 0];
    int wanted = Math.clamp((long) sequences * hidden * width / CHUNK_WORK, 1, MOST_CHUNKS);
    acrossUnits = Math.min(wanted, Panels.count(hidden));
    acrossRows = Math.clamp(wanted / acrossUnits, 1, Math.max(1, sequences / FEW));
    parts = new Part[team.size()][acrossUnits * acrossRows];
    for (Part[] ofWorker : parts) {
      RowProgram.Places places = new RowProgram.Places();
      Arrays.setAll(ofWorker, chunk -> part(places, chunk));
    }
  }

  private Part part(RowProgram.Places places, int chunk) {
    // Neighbouring chunks have the same weights.
    int r = chunk % acrossRows;
    int u = chunk / acrossRows;
    int panels = Panels.count(hidden);
    int p0 = Gemm.cut(panels, acrossUnits, u);
    int p1 = Gemm.cut(panels, acrossUnits, u + 1);
    return new Part(places, Gemm.cut(sequences, acrossRows, r), Gemm.cut(sequences, acrossRows, r + 1),
        p0 * Tiles.WIDTH, Math.min(hidden, p1 * Tiles.WIDTH), p0, p1);
  }

  /** The operands that are computed with; lengths are not. */
  static DenseOperands floats(Recurrent op, List<Operand> in) {
    List<Operand> list = new ArrayList<>(in);
    if (op.masked()) {
      list.remove(op.operands() - 1);
    }
    return new DenseOperands(list);
  }

  @Override
  public final void run() {
    try {
      if (out.bytes() > 0) {
        out.at(Workspace.floats(Workspace.Slot.DENSE_OUTPUTS, out.bytes() / 4));
      }
      in.load();
      readLengths();
      Tiles.warmUp(false, sequences / acrossRows, Tiles.vectors(Math.min(hidden, Tiles.WIDTH)),
          (long) tall * hidden * width);
      compute();
      out.store();
    } finally {
      Reference.reachabilityFence(call);
    }
  }

  /** From dense operands to dense outputs. */
  abstract void compute();

  private void readLengths() {
    if (op.masked()) {
      Operand o = call.in().get(op.operands() - 1);
      for (int n = 0; n < sequences; n++) {
        lengths[n] =
            Math.clamp((long) Memory.getInt(PointwiseKernels.address(o) + 4 * n * o.layout().stride(0)), 0, steps);
      }
    }
  }

  static IllegalStateException ofItsOwn() {
    return new IllegalStateException("an LSTM has classes of its own");
  }

  /** The k-th step of the forward pass. */
  final int time(int k) {
    return op.reverse() ? steps - 1 - k : k;
  }

  /** The step before {@code t} in the direction of the forward pass; only if there is one. */
  final int before(int t) {
    return op.reverse() ? t + 1 : t - 1;
  }

  final boolean isInside(int t, int n) {
    return !op.masked() || t < lengths[n];
  }

  /** Whether {@code t} is the step that the initial states of sequence {@code n} enter. */
  final boolean isFirst(int t, int n) {
    return t == (op.reverse() ? (op.masked() ? lengths[n] : steps) - 1 : 0);
  }

  /** A part of a step: sequences {@code r0} to {@code r1}, hidden units {@code j0} to {@code j1} in panels {@code p0} to {@code p1}. */
  record Part(RowProgram.Places places, int r0, int r1, int j0, int j1, int p0, int p1) {
    int rows() {
      return r1 - r0;
    }

    int units() {
      return j1 - j0;
    }
  }

  /** Work on a part. */
  interface Body {
    void run(Part part);
  }

  private int parts() {
    return parts[0].length;
  }

  private Part part(int worker, int chunk) {
    return parts[worker][chunk];
  }

  /** Runs all parts of a step. */
  final void share(Body body) {
    team.run(parts(), (worker, chunk) -> body.run(part(worker, chunk)));
  }

  /**
   * Runs all parts of a step and other work.
   *
   * @param pieces of the other work
   */
  final void share(Body body, int pieces, IntConsumer other) {
    int states = parts();
    // What is too little to be shared is one chunk.
    if (states == 1) {
      body.run(part(0, 0));
      for (int i = 0; i < pieces; i++) {
        other.accept(i);
      }
      return;
    }
    team.run(states + pieces, (worker, chunk) -> {
      if (chunk < states) {
        body.run(part(worker, chunk));
      } else {
        other.accept(chunk - states);
      }
    });
  }

  /** {@code C [m, n] (+)= A * B} as {@link Gemm} has it; nothing where C has no elements. */
  final void product(int m, int n, int k, boolean aColumn, long a, long lda, boolean bColumn, long b, long ldb, long c,
      boolean accumulate) {
    if (m > 0 && n > 0) {
      new Gemm(m, n, k, aColumn, lda, bColumn, ldb, 4L * n, accumulate).run(a, b, c, team);
    }
  }
}
