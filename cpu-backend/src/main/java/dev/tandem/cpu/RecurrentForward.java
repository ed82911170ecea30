package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import java.util.List;

/**
 * A sequence through recurrent cells other than an LSTM's. The inputs of all steps, or the distinct ones, are projected by one product, the recurrent
 * weights packed once; the gates are computed where their arguments lie. Sequences that have ended are computed with the others
 * and the results dropped.
 *
 * <p>For the gradient it leaves what {@link Recurrent} names: gates after activation, and a GRU's {@code W_hn h + b_hn}. What
 * is in there beyond the end of a sequence is not said.
 */
final class RecurrentForward extends RecurrentRun {
  /**
   * Where the parts of the scratch memory begin, behind the copies.
   *
   * @param distinct rows of x
   * @param projected what they add to the arguments of gates
   */
  private record Memories(long weights, long bias, long kept, long distinct, long projected, long end) {
    static Memories of(Recurrent op, List<Operand> in, long from) {
      int n = in.get(0).shape().dim(1);
      int i = in.get(0).shape().dim(2);
      int h = in.get(1).shape().dim(1);
      long bias = from + op.cell().gates() * weight(h);
      long kept = bias + DenseOperands.room((op.cell().gates() + 1L) * h);
      boolean keeps = op.cell() == Recurrent.Cell.GRU_RESET_BEFORE;
      long distinct = kept + (keeps ? DenseOperands.room((long) n * h) : 0);
      long most = DistinctRows.most(Math.multiplyExact(in.get(0).shape().dim(0), n), i);
      long projected = distinct + DenseOperands.room(most * i);
      return new Memories(from, bias, kept, distinct, projected,
          projected + DenseOperands.room(most * op.cell().gates() * h));
    }

    private static long weight(int hidden) {
      return DenseOperands.room(PackedMatrix.floats(hidden, hidden));
    }
  }

  private final PackedMatrix[] weights;
  /** By gate, then a GRU's b_hn. */
  private final long bias;
  /** {@code r h} of a {@link Recurrent.Cell#GRU_RESET_BEFORE}. */
  private final long kept;
  private final DistinctRows inputs;
  private final long distinct;
  private final long projected;

  static long scratch(Recurrent op, List<Operand> in) {
    return Memories.of(op, in, floats(op, in).bytes()).end;
  }

  static Runnable prepare(Recurrent op, Call call, Team team) {
    return call.out().getFirst().shape().size() == 0 ? () -> {
    } : new RecurrentForward(op, call, team);
  }

  private RecurrentForward(Recurrent op, Call call, Team team) {
    super(op, floats(op, call.in()), call, team);
    long scratch = CpuStorage.scratch(call).address();
    in.at(scratch);
    Memories m = Memories.of(op, call.in(), scratch + in.bytes());
    bias = m.bias;
    kept = m.kept;
    inputs = new DistinctRows(op.masked() ? 0 : tall, features);
    distinct = m.distinct;
    projected = m.projected;
    weights = new PackedMatrix[cell.gates()];
    for (int q = 0; q < weights.length; q++) {
      weights[q] = new PackedMatrix(hidden, hidden, m.weights + q * Memories.weight(hidden));
    }
  }

  @Override
  void compute() {
    int w = op.weights();
    addBiases(in.get(w + 2), in.get(w + 3));
    for (int q = 0; q < weights.length; q++) {
      weights[q].pack(true, in.get(w + 1) + q * hidden * stateRow, stateRow, team);
    }
    project(in.get(0), in.get(w));
    Memory.copy(in.get(1), out.get(1), sequences * stateRow);
    for (int k = 0; k < steps; k++) {
      int t = time(k);
      // Where sequences end at different times, the newest states are kept among the results.
      boolean given = op.masked() || k == 0;
      long h = given ? out.get(1) : y(before(t));
      share(p -> step(p, t, h));
      if (cell == Recurrent.Cell.GRU_RESET_BEFORE) {
        share(p -> resetCandidate(p, t, h));
      }
      if (op.masked()) {
        keep(t);
      }
    }
    if (!op.masked()) {
      Memory.copy(y(time(steps - 1)), out.get(1), sequences * stateRow);
    }
  }

  /** Fills the arguments of all gates with what x adds; of rows of x that are alike one is multiplied. */
  private void project(long x, long weight) {
    if (!inputs.find(x)) {
      product(tall, width, features, false, x, featureRow, true, weight, featureRow, gates(0), false);
      return;
    }
    inputs.copy(x, distinct, featureRow);
    product(inputs.count(), width, features, false, distinct, featureRow, true, weight, featureRow, projected, false);
    team.run(steps, (worker, t) -> {
      for (int n = 0; n < sequences; n++) {
        Memory.copy(projected + inputs.numbers()[t * sequences + n] * gateRow, gates(t) + n * gateRow, gateRow);
      }
    });
  }

  private void addBiases(long ofX, long ofH) {
    int summed = cell == Recurrent.Cell.GRU ? 2 * hidden : width;
    for (int j = 0; j < width; j++) {
      float x = Memory.getFloat(ofX + 4L * j);
      Memory.setFloat(bias + 4L * j, j < summed ? x + Memory.getFloat(ofH + 4L * j) : x);
    }
    for (int j = summed; j < width; j++) {
      Memory.setFloat(bias + 4L * (j + hidden), Memory.getFloat(ofH + 4L * j));
    }
  }

  private long y(int t) {
    return out.get(0) + t * sequences * stateRow;
  }

  /** The gates of a step; a plain RNN has one, which becomes y. */
  private long gates(int t) {
    return cell.gates() == 1 ? y(t) : out.get(1 + cell.states()) + t * sequences * gateRow;
  }

  private long extra(int t) {
    return out.get(2 + cell.states()) + t * sequences * stateRow;
  }

  private void step(Part p, int t, long h) {
    switch (cell) {
      case RNN_TANH -> gate(CellPrograms.TANH, p, t, 0, h);
      case RNN_RELU -> gate(CellPrograms.RELU, p, t, 0, h);
      case LSTM -> throw ofItsOwn();
      case GRU -> {
        gate(CellPrograms.SIGMOID, p, t, 0, h);
        gate(CellPrograms.SIGMOID, p, t, 1, h);
        long product = state(p, extra(t));
        weights[2].multiply(p.rows(), row(p, h), stateRow, p.p0(), p.p1(), row(p, extra(t)), stateRow, false);
        p.places().and(gate(p, t, 2), gateRow).and(gate(p, t, 0), gateRow).and(product, stateRow)
            .and(bias(p, 2), 0).and(bias(p, 3), 0).and(gate(p, t, 2), gateRow).and(product, stateRow);
        CellPrograms.GRU_CANDIDATE.run(p.places(), p.rows(), p.units());
        update(CellPrograms.GRU, p, t, h);
      }
      case GRU_RESET_BEFORE -> {
        multiply(p, t, 0, h);
        p.places().and(gate(p, t, 0), gateRow).and(bias(p, 0), 0).and(state(p, h), stateRow)
            .and(gate(p, t, 0), gateRow).and(state(p, kept), stateRow);
        CellPrograms.RESET.run(p.places(), p.rows(), p.units());
        gate(CellPrograms.SIGMOID, p, t, 1, h);
      }
    }
  }

  /** When all of {@code r h} is there. */
  private void resetCandidate(Part p, int t, long h) {
    gate(CellPrograms.TANH, p, t, 2, kept);
    update(CellPrograms.RESET_BEFORE, p, t, h);
  }

  private void multiply(Part p, int t, int gate, long h) {
    weights[gate].multiply(p.rows(), row(p, h), stateRow, p.p0(), p.p1(),
        gates(t) + p.r0() * gateRow + gate * stateRow, gateRow, true);
  }

  private void gate(RowProgram activation, Part p, int t, int gate, long h) {
    multiply(p, t, gate, h);
    p.places().and(gate(p, t, gate), gateRow).and(bias(p, gate), 0).and(gate(p, t, gate), gateRow);
    activation.run(p.places(), p.rows(), p.units());
  }

  private void update(RowProgram program, Part p, int t, long h) {
    p.places().and(gate(p, t, 1), gateRow).and(gate(p, t, 2), gateRow).and(state(p, h), stateRow)
        .and(state(p, y(t)), stateRow);
    program.run(p.places(), p.rows(), p.units());
  }

  private long gate(Part p, int t, int gate) {
    return gates(t) + p.r0() * gateRow + gate * stateRow + 4L * p.j0();
  }

  private long bias(Part p, int gate) {
    return bias + gate * stateRow + 4L * p.j0();
  }

  private long row(Part p, long states) {
    return states + p.r0() * stateRow;
  }

  private long state(Part p, long states) {
    return row(p, states) + 4L * p.j0();
  }

  /** Takes the new states of sequences that go on, and makes y 0 where they have ended. */
  private void keep(int t) {
    for (int n = 0; n < sequences; n++) {
      long row = n * stateRow;
      if (!isInside(t, n)) {
        Memory.zero(y(t) + row, stateRow);
        continue;
      }
      Memory.copy(y(t) + row, out.get(1) + row, stateRow);
    }
  }
}
