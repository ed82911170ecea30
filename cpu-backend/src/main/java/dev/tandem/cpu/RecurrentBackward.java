package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import java.util.List;

/**
 * Backpropagation through a sequence of cells other than an LSTM's. From the last step to the first the gradients of the
 * arguments of all gates are found and kept; then the gradients of weights, biases and inputs are one product or sum each over
 * all steps. Steps beyond the end of a sequence have gradients 0.
 */
final class RecurrentBackward extends RecurrentRun {
  /**
   * Where the parts of the scratch memory begin, behind the copies.
   *
   * @param ofX gradients of the arguments of the gates [T, N, G*H] by way of x
   * @param ofH by way of h: the same but for a {@link Recurrent.Cell#GRU}
   * @param kept {@code r h} of all steps, of a {@link Recurrent.Cell#GRU_RESET_BEFORE}
   * @param ofKept its gradient in one step
   * @param first {@code ofH} of every sequence's first step, where these differ
   * @param x without what is beyond the ends of sequences
   * @param distinct rows of x
   * @param sums of {@code ofX} in all places of such a row
   */
  private record Memories(long weights, long candidate, long ofX, long ofH, long kept, long ofKept, long first, long x,
      long distinct, long sums, long end) {
    static Memories of(Recurrent op, List<Operand> in, long from) {
      long steps = in.get(0).shape().dim(0);
      long n = in.get(0).shape().dim(1);
      int h = in.get(1).shape().dim(1);
      long width = (long) op.cell().gates() * h;
      boolean reset = op.cell() == Recurrent.Cell.GRU_RESET_BEFORE;
      long candidate = from + DenseOperands.room(PackedMatrix.floats((int) width, h));
      long ofX = candidate + (reset ? DenseOperands.room(PackedMatrix.floats(h, h)) : 0);
      long ofH = op.cell() == Recurrent.Cell.GRU ? ofX + DenseOperands.room(steps * n * width) : ofX;
      long kept = ofH + DenseOperands.room(steps * n * width);
      long ofKept = kept + (reset ? DenseOperands.room(steps * n * h) : 0);
      long first = ofKept + (reset ? DenseOperands.room(n * h) : 0);
      long x = first + (op.masked() && op.reverse() ? DenseOperands.room(n * width) : 0);
      long distinct = x + (op.masked() ? DenseOperands.room(in.get(0).shape().size()) : 0);
      int features = in.get(0).shape().dim(2);
      long most = DistinctRows.most(Math.toIntExact(steps * n), features);
      long sums = distinct + DenseOperands.room(most * features);
      return new Memories(from, candidate, ofX, ofH, kept, ofKept, first, x, distinct, sums,
          sums + DenseOperands.room(most * width));
    }
  }

  private final Memories memory;
  /** W_h; without the candidate's rows where that is computed from {@code r h}. */
  private final PackedMatrix weights;
  private final PackedMatrix candidate;
  /** Rows of W_h that h itself is multiplied by. */
  private final int ofHidden;
  /** Whether a part of the gradient of h goes past the weights. */
  private final boolean direct;
  private final DistinctRows inputs;

  static long scratch(Recurrent op, List<Operand> in) {
    return Memories.of(op, in, floats(op, in).bytes()).end;
  }

  static Runnable prepare(Recurrent op, Call call, Team team) {
    return new RecurrentBackward(op, call, team);
  }

  private RecurrentBackward(Recurrent op, Call call, Team team) {
    super(op, floats(op, call.in()), call, team);
    long scratch = CpuStorage.scratch(call).address();
    in.at(scratch);
    memory = Memories.of(op, call.in(), scratch + in.bytes());
    boolean reset = cell == Recurrent.Cell.GRU_RESET_BEFORE;
    ofHidden = reset ? 2 * hidden : width;
    weights = new PackedMatrix(ofHidden, hidden, memory.weights);
    candidate = new PackedMatrix(hidden, hidden, memory.candidate);
    inputs = new DistinctRows(op.masked() ? 0 : tall, features);
    direct = op.masked() || reset || cell == Recurrent.Cell.GRU;
  }

  @Override
  void compute() {
    if (sequences > 0) {
      steps();
    }
    int w = op.weights();
    product(tall, features, width, false, memory.ofX, gateRow, false, in.get(w), 4L * features, out.get(0), false);
    inputWeights(out.get(w));
    hiddenWeights(out.get(w + 1));
    ColumnSums.run(memory.ofX, tall, width, out.get(w + 2), team);
    if (memory.ofH == memory.ofX) {
      Memory.copy(out.get(w + 2), out.get(w + 3), gateRow);
    } else {
      ColumnSums.run(memory.ofH, tall, width, out.get(w + 3), team);
    }
  }

  private void inputWeights(long to) {
    long x = op.masked() ? insideOnly() : in.get(0);
    if (!inputs.find(x)) {
      product(width, features, tall, true, memory.ofX, gateRow, false, x, featureRow, to, false);
      return;
    }
    // The gradients in all places of a row are added up before they are multiplied by it.
    inputs.copy(x, memory.distinct, featureRow);
    Memory.zero(memory.sums, inputs.count() * gateRow);
    team.run(Panels.count(width), (worker, panel) -> {
      long at = 4L * panel * Tiles.WIDTH;
      Panels.addRows(memory.ofX + at, 0, gateRow, memory.sums + at, gateRow, 0, inputs.numbers(), 0, tall,
          Math.min(Tiles.WIDTH, width - panel * Tiles.WIDTH));
    });
    product(width, features, inputs.count(), true, memory.sums, gateRow, false, memory.distinct, featureRow, to, false);
  }

  /** x with zeros where its steps are outside, so that whatever is there, NaN too, times a gradient of 0 is 0. */
  private long insideOnly() {
    for (int t = 0; t < steps; t++) {
      for (int n = 0; n < sequences; n++) {
        long at = 4L * ((long) t * sequences + n) * features;
        if (isInside(t, n)) {
          Memory.copy(in.get(0) + at, memory.x + at, 4L * features);
        } else {
          Memory.zero(memory.x + at, 4L * features);
        }
      }
    }
    return memory.x;
  }

  private void steps() {
    int w = op.weights();
    long given = in.get(w + 1);
    weights.pack(false, given, stateRow, team);
    boolean reset = cell == Recurrent.Cell.GRU_RESET_BEFORE;
    if (reset) {
      candidate.pack(false, given + 2 * hidden * stateRow, stateRow, team);
    }
    Memory.copy(gradient(1), out.get(1), sequences * stateRow);
    for (int k = steps - 1; k >= 0; k--) {
      int t = time(k);
      int next = k + 1;
      share(p -> {
        if (next < steps) {
          ofHidden(p, time(next));
        }
        elements(p, t);
      });
      if (reset) {
        share(p -> ofReset(p, t));
      }
    }
    share(p -> ofHidden(p, time(0)));
  }

  /** The gradient of result {@code k} of the forward pass. */
  private long gradient(int k) {
    return in.get(op.weights() + 4 + outputs() + k);
  }

  /** How many outputs the forward pass has. */
  private int outputs() {
    return 1 + cell.states() + switch (cell) {
      case RNN_TANH, RNN_RELU -> 0;
      case GRU_RESET_BEFORE -> 1;
      case GRU -> 2;
      case LSTM -> throw ofItsOwn();
    };
  }

  private long result(int k, int t, long row) {
    return in.get(op.weights() + 4 + k) + t * sequences * row;
  }

  private long y(int t) {
    return result(0, t, stateRow);
  }

  private long extra(int t) {
    return result(2 + cell.states(), t, stateRow);
  }

  private long gates(long all, int t) {
    return all + t * sequences * gateRow;
  }

  /** Adds what step {@code t} sends back through the weights to the gradient of h. */
  private void ofHidden(Part p, int t) {
    weights.multiply(p.rows(), gates(memory.ofH, t) + p.r0() * gateRow, gateRow, p.p0(), p.p1(),
        out.get(1) + p.r0() * stateRow, stateRow, direct);
  }

  /** Sequences from {@code row} on that are at the same point at step {@code t}. */
  private int alike(Part p, int t, int row) {
    int end = row + 1;
    while (end < p.r1() && isInside(t, end) == isInside(t, row) && isFirst(t, end) == isFirst(t, row)) {
      end++;
    }
    return end;
  }

  private void elements(Part p, int t) {
    for (int row = p.r0(); row < p.r1();) {
      int end = op.masked() ? alike(p, t, row) : p.r1();
      Part some = new Part(p.places(), row, end, p.j0(), p.j1(), p.p0(), p.p1());
      if (isInside(t, row)) {
        inside(some, t, isFirst(t, row));
      } else {
        for (int r = row; r < end; r++) {
          outside(some, t, r);
        }
      }
      row = end;
    }
  }

  private void outside(Part p, int t, int row) {
    long at = row * gateRow + 4L * p.j0();
    for (int q = 0; q < cell.gates(); q++) {
      Memory.zero(gates(memory.ofX, t) + at + q * stateRow, 4L * p.units());
      Memory.zero(gates(memory.ofH, t) + at + q * stateRow, 4L * p.units());
    }
    if (cell == Recurrent.Cell.GRU_RESET_BEFORE) {
      Memory.zero(memory.kept + (t * sequences + row) * stateRow + 4L * p.j0(), 4L * p.units());
    }
  }

  private void inside(Part p, int t, boolean first) {
    RowProgram.Places places = p.places();
    state(p, out.get(1));
    state(p, gradient(0) + t * sequences * stateRow);
    switch (cell) {
      case RNN_TANH, RNN_RELU -> {
        state(p, y(t));
        gate(p, memory.ofX, t, 0);
        (cell == Recurrent.Cell.RNN_TANH ? CellPrograms.TANH_GRAD : CellPrograms.RELU_GRAD)
            .run(places, p.rows(), p.units());
      }
      case LSTM -> throw ofItsOwn();
      case GRU -> {
        for (int q = 0; q < 3; q++) {
          activation(p, t, q);
        }
        state(p, extra(t));
        state(p, first ? in.get(1) : y(before(t)));
        for (int q = 0; q < 3; q++) {
          gate(p, memory.ofX, t, q);
        }
        for (int q = 0; q < 3; q++) {
          gate(p, memory.ofH, t, q);
        }
        state(p, out.get(1));
        CellPrograms.GRU_GRAD.run(places, p.rows(), p.units());
      }
      case GRU_RESET_BEFORE -> {
        activation(p, t, 1);
        activation(p, t, 2);
        state(p, first ? in.get(1) : y(before(t)));
        gate(p, memory.ofX, t, 1);
        gate(p, memory.ofX, t, 2);
        state(p, out.get(1));
        CellPrograms.RESET_BEFORE_GRAD.run(places, p.rows(), p.units());
      }
    }
    if (direct && cell.gates() == 1) {
      for (int r = p.r0(); r < p.r1(); r++) {
        Memory.zero(out.get(1) + r * stateRow + 4L * p.j0(), 4L * p.units());
      }
    }
  }

  /** Through the product of {@code r h} to r and h, when the gradients of all candidates are there. */
  private void ofReset(Part p, int t) {
    candidate.multiply(p.rows(), gates(memory.ofX, t) + p.r0() * gateRow + 2 * stateRow, gateRow, p.p0(), p.p1(),
        memory.ofKept + p.r0() * stateRow, stateRow, false);
    for (int row = p.r0(); row < p.r1();) {
      int end = op.masked() ? alike(p, t, row) : p.r1();
      if (isInside(t, row)) {
        Part some = new Part(p.places(), row, end, p.j0(), p.j1(), p.p0(), p.p1());
        state(some, memory.ofKept);
        activation(some, t, 0);
        state(some, isFirst(t, row) ? in.get(1) : y(before(t)));
        state(some, out.get(1));
        gate(some, memory.ofX, t, 0);
        state(some, memory.kept + t * sequences * stateRow);
        state(some, out.get(1));
        CellPrograms.RESET_GRAD.run(p.places(), some.rows(), some.units());
      }
      row = end;
    }
  }

  private void state(Part p, long states) {
    p.places().and(states + p.r0() * stateRow + 4L * p.j0(), stateRow);
  }

  private void gate(Part p, long all, int t, int gate) {
    p.places().and(gates(all, t) + p.r0() * gateRow + gate * stateRow + 4L * p.j0(), gateRow);
  }

  private void activation(Part p, int t, int gate) {
    gate(p, in.get(op.weights() + 4 + 1 + cell.states()), t, gate);
  }

  /** Every step's gradient times the state before it, which is the one that the step before gave, or the initial one. */
  private void hiddenWeights(long to) {
    int later = op.reverse() ? 0 : 1;
    int earlier = op.reverse() ? 1 : 0;
    product(ofHidden, hidden, tall - sequences, true, gates(memory.ofH, later), gateRow, false, y(earlier), stateRow,
        to, false);
    long first = gates(memory.ofH, time(0));
    if (op.masked() && op.reverse()) {
      first = memory.first;
      for (int n = 0; n < sequences; n++) {
        if (lengths[n] > 0) {
          Memory.copy(gates(memory.ofH, lengths[n] - 1) + n * gateRow, first + n * gateRow, gateRow);
        } else {
          Memory.zero(first + n * gateRow, gateRow);
        }
      }
    }
    product(ofHidden, hidden, sequences, true, first, gateRow, false, in.get(1), stateRow, to, true);
    if (cell == Recurrent.Cell.GRU_RESET_BEFORE) {
      product(hidden, hidden, tall, true, memory.ofX + 2 * stateRow, gateRow, false, memory.kept, stateRow,
          to + 2 * hidden * stateRow, false);
    }
  }
}
