package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * A sequence through an LSTM. A part of a step multiplies for all gates of a panel of hidden units, which are then still in the
 * first-level cache when activations and new states are computed of them. Biases are a row of the weights, and so nothing that
 * these loops read is repeated from row to row: two of the three see the part as a single row.
 *
 * <p>Inputs are projected within the step too: all at once, as one product, they would go to memory and come back (measured for 64
 * steps of 32 sequences, 64 features, 256 units: 8.1 ms so, 7.1 ms in this way). But where few inputs are distinct, only these are
 * projected.
 */
final class LstmForward extends RecurrentRun {
  private static final int GATES = Recurrent.Cell.LSTM.gates();

  /** Floats between rows more than there are: as powers of two apart they would be in few sets of a cache. */
  private static final int PADDING = 16;

  /**
   * Where the parts of the scratch memory begin, behind the copies.
   *
   * @param weights of x, of h and of a number 1, these being the biases; with few distinct x those of h first
   * @param distinct rows x and 1
   * @param projected what they add to the arguments of gates
   * @param entered rows of x, h and 1, of two steps
   * @param newest cell states before a step, where they are not those of the step before
   * @param cells of one step
   */
  private record Memories(long weights, long bias, long entered, long newest, long cells, long distinct, long projected,
      long end) {
    static Memories of(List<Operand> in, long from) {
      int n = in.get(0).shape().dim(1);
      int i = in.get(0).shape().dim(2);
      int h = in.get(1).shape().dim(1);
      int most = DistinctRows.most(Math.multiplyExact(in.get(0).shape().dim(0), n), i);
      long bias = from + GATES * weight(i, h);
      long entered = bias + DenseOperands.room(2L * GATES * h);
      long newest = entered + 2 * step(n, i, h);
      long cells = newest + DenseOperands.room((long) n * h);
      long distinct = cells + DenseOperands.room((long) n * h);
      long projected = distinct + DenseOperands.room(most * (depth(i, 0) + (long) PADDING));
      return new Memories(from, bias, entered, newest, cells, distinct, projected,
          projected + DenseOperands.room((long) GATES * most * h));
    }

    static long weight(int features, int hidden) {
      int most = Math.max(depth(features, hidden), Math.addExact(hidden, depth(features, 0)));
      return DenseOperands.room(PackedMatrix.floats(most, hidden));
    }

    /**
     * Numbers that enter a gate: x, h, and 1 for the biases; a 0 makes it an even count, since with an odd one the turns left over
     * by a tile's unrolled loop take longer (321: 225 GFLOP/s, 320 and 322: 235).
     */
    static int depth(int features, int hidden) {
      return Math.addExact(features, hidden) + 2 & -2;
    }

    static long step(int sequences, int features, int hidden) {
      return DenseOperands.room(sequences * ((long) features + hidden + PADDING));
    }
  }

  /** By gate: of all that enters, or of h alone and of x and 1. */
  private final PackedMatrix[] weights = new PackedMatrix[GATES];
  private final PackedMatrix[] weightsOfH = new PackedMatrix[GATES];
  private final PackedMatrix[] weightsOfX = new PackedMatrix[GATES];
  private final Memories memory;
  private final long enteredRow;
  private final DistinctRows inputs;
  private final long distinctRow;
  private final GatePanels projected;
  /** Whether few x are distinct. */
  private boolean repeats;
  /** Whether a gradient follows, which reads gates and cell states. */
  private final boolean keeps;
  private final Body step = this::step;
  private final IntConsumer enter = _ -> enterNext();
  private final Team.Body project = (worker, chunk) -> project(chunk / GATES, chunk % GATES);
  private final GatePanels newest;
  private final GatePanels cells;
  /** The step that is being computed, and how many were before it. */
  private int t;
  private int k;

  static long scratch(Recurrent op, List<Operand> in) {
    return Memories.of(in, floats(op, in).bytes()).end;
  }

  static Runnable prepare(Recurrent op, Call call, Team team) {
    return call.out().getFirst().shape().size() == 0 ? () -> {
    } : new LstmForward(op, call, team);
  }

  private LstmForward(Recurrent op, Call call, Team team) {
    super(op, floats(op, call.in()), call, team);
    long scratch = CpuStorage.scratch(call).address();
    in.at(scratch);
    memory = Memories.of(call.in(), scratch + in.bytes());
    enteredRow = 4L * (features + hidden + PADDING);
    keeps = call.out().size() > op.results(call.out().size());
    newest = new GatePanels(memory.newest, 1, sequences, hidden);
    cells = keeps ? new GatePanels(out.get(4), 1, tall, hidden) : new GatePanels(memory.cells, 1, sequences, hidden);
    for (int q = 0; q < GATES; q++) {
      long at = memory.weights + q * Memories.weight(features, hidden);
      weights[q] = new PackedMatrix(Memories.depth(features, hidden), hidden, at);
      weightsOfH[q] = new PackedMatrix(hidden, hidden, at);
      weightsOfX[q] =
          new PackedMatrix(Memories.depth(features, 0), hidden, at + 4 * PackedMatrix.floats(hidden, hidden));
    }
    inputs = new DistinctRows(op.masked() ? 0 : tall, features);
    distinctRow = 4L * (Memories.depth(features, 0) + PADDING);
    projected = new GatePanels(memory.projected, GATES, DistinctRows.most(tall, features), hidden);
  }

  @Override
  void compute() {
    begin();
    for (k = 0; k < steps; k++) {
      advance();
    }
    end();
  }

  private void begin() {
    CellPrograms.LSTM_GATES.warmUp((long) tall * hidden);
    CellPrograms.LSTM_CELL.warmUp((long) tall * hidden);
    CellPrograms.LSTM_HIDDEN.warmUp((long) tall * hidden);
    repeats = inputs.find(in.get(0));
    for (int q = 0; q < GATES; q++) {
      pack(q);
    }
    if (repeats) {
      inputs.copy(in.get(0), memory.distinct, distinctRow);
      ones(memory.distinct + featureRow, distinctRow, inputs.count());
      team.run(GATES * Panels.count(hidden), project);
    }
    enterStates();
    for (int panel = 0; panel < Panels.count(hidden); panel++) {
      int units = newest.units(panel);
      Panels.store(in.get(2) + 4L * panel * Tiles.WIDTH, stateRow, newest.at(panel, 0, 0), 4L * units, sequences, units,
          false);
    }
    enter(0);
  }

  private void pack(int q) {
    int w = op.weights();
    long bias = memory.bias + 2 * q * stateRow;
    addBiases(in.get(w + 2) + q * stateRow, in.get(w + 3) + q * stateRow, bias);
    PackedMatrix ofX = repeats ? weightsOfX[q] : weights[q];
    PackedMatrix ofH = repeats ? weightsOfH[q] : weights[q];
    ofX.pack(true, in.get(w) + q * hidden * featureRow, featureRow, 0, features, team);
    ofH.pack(true, in.get(w + 1) + q * hidden * stateRow, stateRow, repeats ? 0 : features, hidden, team);
    // The second row is there or not; it is zeros.
    int before = repeats ? features : features + hidden;
    ofX.pack(false, bias, stateRow, before, ofX.k() - before, team);
  }

  // Loops are in methods of their own: with what is called around them C2 took 0.1 s for each version of one that it made.

  /** A row of sums, and one of zeros. */
  private void addBiases(long ofX, long ofH, long to) {
    for (long j = 0; j < stateRow; j += 4) {
      Memory.setFloat(to + j, Memory.getFloat(ofX + j) + Memory.getFloat(ofH + j));
    }
    Memory.zero(to + stateRow, stateRow);
  }

  /** In each row a 1, for the biases, and the 0 that makes the count even. */
  private static void ones(long to, long row, int rows) {
    for (int i = 0; i < rows; i++) {
      Memory.setFloat(to + i * row, 1);
      Memory.setFloat(to + i * row + 4, 0);
    }
  }

  private void enterStates() {
    for (int n = 0; n < sequences; n++) {
      Memory.copy(in.get(1) + n * stateRow, entered(0) + n * enteredRow + featureRow, stateRow);
    }
    for (int step = 0; step < 2; step++) {
      ones(entered(step) + featureRow + stateRow, enteredRow, sequences);
    }
  }

  /** What the distinct x and the biases add to the arguments of a gate. */
  private void project(int panel, int gate) {
    weightsOfX[gate].multiply(inputs.count(), memory.distinct, distinctRow, panel, panel + 1,
        projected.at(panel, gate, 0) - 4L * panel * Tiles.WIDTH, 4L * projected.units(panel), false);
  }

  private void advance() {
    t = time(k);
    share(step, k + 1 < steps ? 1 : 0, enter);
    if (op.masked()) {
      keep();
    }
  }

  private void end() {
    for (int n = 0; n < sequences; n++) {
      Memory.copy(entered(steps) + n * enteredRow + featureRow, out.get(1) + n * stateRow, stateRow);
    }
    for (int panel = 0; panel < Panels.count(hidden); panel++) {
      int units = newest.units(panel);
      Panels.store(op.masked() ? newest.at(panel, 0, 0) : cells(panel, time(steps - 1), 0), 4L * units,
          out.get(2) + 4L * panel * Tiles.WIDTH, stateRow, sequences, units, false);
    }
  }

  /** Rows [x, h] that the {@code k}-th step is computed from. */
  private long entered(int k) {
    return memory.entered + (k & 1) * Memories.step(sequences, features, hidden);
  }

  private void enterNext() {
    enter(k + 1);
  }

  private void enter(int k) {
    for (int n = 0; n < sequences && !repeats; n++) {
      Memory.copy(in.get(0) + (time(k) * sequences + n) * featureRow, entered(k) + n * enteredRow, featureRow);
    }
  }

  private long y(int step) {
    return out.get(0) + step * sequences * stateRow;
  }

  /** The cell states of a step, from a sequence on; in memory of every step's own only if they are kept. */
  private long cells(int panel, int step, int sequence) {
    return cells.at(panel, 0, (keeps ? step * sequences : 0) + sequence);
  }

  private void step(Part p) {
    for (int panel = p.p0(); panel < p.p1(); panel++) {
      int j = panel * Tiles.WIDTH;
      int units = cells.units(panel);
      GatePanels panels = keeps ? new GatePanels(out.get(3), GATES, tall, hidden)
          : new GatePanels(Workspace.floats(Workspace.Slot.GATES, GATES * p.rows() * Tiles.WIDTH), GATES, p.rows(),
              units);
      long at = keeps ? panels.at(panel, 0, t * sequences + p.r0()) : panels.at(0, 0, 0);
      long plane = panels.plane(units);
      long row = 4L * units;
      long rows = entered(k) + p.r0() * enteredRow;
      for (int q = 0; q < GATES; q++) {
        if (repeats) {
          weightsOfH[q].multiply(p.rows(), rows + featureRow, enteredRow, panel, panel + 1, at + q * plane - 4L * j,
              row,
              false);
          Panels.addRows(projected.at(panel, q, 0), row, 0, at + q * plane, 0, row, inputs.numbers(),
              t * sequences + p.r0(), p.rows(), units);
        } else {
          weights[q].multiply(p.rows(), rows, enteredRow, panel, panel + 1, at + q * plane - 4L * j, row, false);
        }
      }
      // Where sequences end at different times, the step before need not have the newest cell states.
      long before = op.masked() || k == 0 ? newest.at(panel, 0, p.r0()) : cells(panel, before(t), p.r0());
      long after = cells(panel, t, p.r0());
      RowProgram.Places places = p.places();
      // Rows without gaps are one.
      int all = p.rows() * units;
      CellPrograms.LSTM_GATES.run(places.and(at, 0).and(at + plane, 0).and(at, 0).and(at + plane, 0), 1, all);
      places.and(at, 0).and(at + plane, 0).and(at + 2 * plane, 0).and(before, 0);
      CellPrograms.LSTM_CELL.run(places.and(at + 2 * plane, 0).and(after, 0), 1, all);
      places.and(at + 3 * plane, row).and(after, row).and(at + 3 * plane, row)
          .and(y(t) + p.r0() * stateRow + 4L * j, stateRow)
          .and(entered(k + 1) + p.r0() * enteredRow + featureRow + 4L * j, enteredRow);
      CellPrograms.LSTM_HIDDEN.run(places, p.rows(), units);
    }
  }

  /** Where a sequence has ended, the states stay what they were and y is 0. */
  private void keep() {
    for (int n = 0; n < sequences; n++) {
      if (isInside(t, n)) {
        for (int panel = 0; panel < Panels.count(hidden); panel++) {
          Memory.copy(cells(panel, t, n), newest.at(panel, 0, n), 4L * newest.units(panel));
        }
      } else {
        long h = n * enteredRow + featureRow;
        Memory.copy(entered(k) + h, entered(k + 1) + h, stateRow);
        Memory.zero(y(t) + n * stateRow, stateRow);
      }
    }
  }
}
