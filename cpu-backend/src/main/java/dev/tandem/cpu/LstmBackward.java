package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.Reduce;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Backpropagation through an LSTM. A step finds the gradients of the arguments of all gates in rows, which the products with the
 * weights read in the next one. Of these, after so many steps as stay in a cache, the gradients of weights are the product
 * {@code [x, h]^T * gradients}: what is multiplied lies as it has to, and nothing of the size of the sequence is written or packed
 * (measured for 64 steps of 32 sequences, 64 features, 256 units: 6.0 ms; one product over all steps 6.6 ms and 0.5 ms more for
 * writing the gradients; rows copied to {@link GatePanels} for this product, 0.2 ms more). Steps beyond the end of a sequence
 * have gradients 0. Where few x are distinct, the gradients in all places of one are added up before they are multiplied by it.
 */
final class LstmBackward extends RecurrentRun {
  private static final int GATES = Recurrent.Cell.LSTM.gates();
  /** Floats between rows more than there are: as powers of two apart they would be in few sets of a cache. */
  private static final int PADDING = 16;
  /** Rows of the product that makes gradients of weights, if sequences are fewer. */
  private static final int BLOCK_ROWS = 256;

  /**
   * Where the parts of the scratch memory begin, behind the copies.
   *
   * @param rows gradients of the arguments of gates, of a block of steps and of two at least
   * @param entered what came into these steps: rows of x and h
   * @param ofWeights gradients of weights so far, those of a panel of a gate as [features of x and h][unit]
   * @param distinct rows of x
   * @param sums of the gradients of the arguments of gates in all places of such a row
   */
  private record Memories(long ofX, long ofH, long rows, long entered, long ofWeights, long distinct, long sums,
      long end) {
    static Memories of(List<Operand> in, long from) {
      int n = in.get(0).shape().dim(1);
      int i = in.get(0).shape().dim(2);
      int h = in.get(1).shape().dim(1);
      int block = blockSteps(in.get(0).shape().dim(0), n) * n;
      long ofH = from + DenseOperands.room(PackedMatrix.floats(GATES * h, i));
      long rows = ofH + DenseOperands.room(PackedMatrix.floats(GATES * h, h));
      long entered = rows + DenseOperands.room(Math.max(2L * n, block) * (GATES * h + PADDING));
      long ofWeights = entered + DenseOperands.room(block * ((long) i + h + PADDING));
      long distinct = ofWeights + DenseOperands.room((long) GATES * h * (i + h));
      int most = DistinctRows.most(Math.multiplyExact(in.get(0).shape().dim(0), n), i);
      long sums = distinct + DenseOperands.room(most * ((long) i + PADDING));
      return new Memories(from, ofH, rows, entered, ofWeights, distinct, sums,
          sums + DenseOperands.room((long) GATES * most * h));
    }
  }

  private final Memories memory;
  private final PackedMatrix weightsOfX;
  private final PackedMatrix weightsOfH;
  private final GatePanels activations;
  private final GatePanels cells;
  private final GatePanels ofWeights;
  /** Bytes between rows of gradients of one step, and between rows of what entered. */
  private final long gradientRow;
  private final long enteredRow;
  private final DistinctRows inputs;
  private final long distinctRow;
  private final GatePanels sums;
  /** Whether few x are distinct, and gradients are added up before they are multiplied by one. */
  private boolean repeats;
  /** Steps of a block. */
  private final int blockSteps;
  private final Fold sum = Fold.of(Reduce.Kind.SUM, true, Lanes.AVAILABLE);
  /** Gradients of biases so far: by panel, then gate. */
  private final Fold.Accumulator[] ofBiases;
  private final Body step = this::step;
  private final IntConsumer more = this::more;
  private final Team.Body block = (worker, chunk) -> block(chunk / GATES, chunk % GATES);
  private final Team.Body results = (worker, chunk) -> results(chunk / GATES, chunk % GATES);
  /** The step that is being computed, and the one after it; -1 if there is none. */
  private int t;
  private int later;
  /** Where their gradients are: the steps of a block follow each other, and where one is a block, two take turns. */
  private long rows;
  private long laterRows;
  /** Steps of the block that are done, and whether it is the first one. */
  private int done;
  private boolean isFirstBlock;

  static long scratch(Recurrent op, List<Operand> in) {
    return Memories.of(in, floats(op, in).bytes()).end;
  }

  static Runnable prepare(Recurrent op, Call call, Team team) {
    return new LstmBackward(op, call, team);
  }

  private static int blockSteps(int steps, int sequences) {
    return Math.clamp(BLOCK_ROWS / Math.max(1, sequences), 1, steps);
  }

  private LstmBackward(Recurrent op, Call call, Team team) {
    super(op, floats(op, call.in()), call, team);
    long scratch = CpuStorage.scratch(call).address();
    in.at(scratch);
    memory = Memories.of(call.in(), scratch + in.bytes());
    weightsOfX = new PackedMatrix(width, features, memory.ofX);
    weightsOfH = new PackedMatrix(width, hidden, memory.ofH);
    blockSteps = blockSteps(steps, sequences);
    activations = new GatePanels(result(3), GATES, tall, hidden);
    cells = new GatePanels(result(4), 1, tall, hidden);
    ofWeights = new GatePanels(memory.ofWeights, GATES, Math.addExact(features, hidden), hidden);
    gradientRow = 4L * (width + PADDING);
    enteredRow = 4L * (features + hidden + PADDING);
    inputs = new DistinctRows(op.masked() ? 0 : tall, features);
    distinctRow = 4L * (features + PADDING);
    sums = new GatePanels(memory.sums, GATES, DistinctRows.most(tall, features), hidden);
    ofBiases = new Fold.Accumulator[GATES * Panels.count(hidden)];
    Arrays.setAll(ofBiases, i -> new Fold.Accumulator(Tiles.WIDTH, Lanes.AVAILABLE));
  }

  @Override
  void compute() {
    int w = op.weights();
    if (sequences == 0) {
      Memory.zero(out.get(w), width * featureRow);
      Memory.zero(out.get(w + 1), width * stateRow);
      Memory.zero(out.get(w + 2), gateRow);
      Memory.zero(out.get(w + 3), gateRow);
      return;
    }
    begin();
    for (int k = steps - 1; k >= 0; k--) {
      t = time(k);
      rows = memory.rows + (steps - 1 - k) % Math.max(2, blockSteps) * sequences * gradientRow;
      shareAll();
      later = t;
      laterRows = rows;
      done++;
      if (done == blockSteps || k == 0) {
        team.run(ofBiases.length, block);
        isFirstBlock = false;
        done = 0;
      }
    }
    t = -1;
    shareAll();
    team.run(ofBiases.length, results);
    Memory.copy(out.get(w + 2), out.get(w + 3), gateRow);
  }

  private void begin() {
    CellPrograms.LSTM_GRAD.warmUp((long) tall * hidden);
    int w = op.weights();
    Tiles.warmUp(true, features + hidden, Tiles.vectors(Math.min(hidden, Tiles.WIDTH)), (long) tall * hidden * width);
    if (features > 0) {
      weightsOfX.pack(false, in.get(w), featureRow, team);
    }
    weightsOfH.pack(false, in.get(w + 1), stateRow, team);
    Memory.copy(gradient(1), out.get(1), sequences * stateRow);
    Memory.copy(gradient(2), out.get(2), sequences * stateRow);
    for (Fold.Accumulator a : ofBiases) {
      sum.clear(a, Tiles.WIDTH);
    }
    isFirstBlock = true;
    done = 0;
    later = -1;
    repeats = inputs.find(in.get(0));
    if (repeats) {
      inputs.copy(in.get(0), memory.distinct, distinctRow);
    }
  }

  /** Runs the parts of a step, with them those of the gradient of the later step's x, and one that takes along what entered. */
  private void shareAll() {
    share(step, inputs() + (t < 0 ? 0 : 1), more);
  }

  private int inputs() {
    return later < 0 ? 0 : Panels.count(features);
  }

  private void more(int piece) {
    if (piece < inputs()) {
      weightsOfX.multiply(sequences, laterRows, gradientRow, piece, piece + 1,
          out.get(0) + later * sequences * featureRow, featureRow, false);
    } else {
      enter();
    }
  }

  /**
   * Rows [x, h] of this step; zeros where a sequence has ended, so that whatever is there, NaN too, times a gradient of 0 is 0.
   */
  private void enter() {
    for (int n = 0; n < sequences; n++) {
      long to = memory.entered + blockRow(n) * enteredRow;
      if (isInside(t, n)) {
        if (!repeats) {
          Memory.copy(in.get(0) + (t * sequences + n) * featureRow, to, featureRow);
        }
        Memory.copy((isFirst(t, n) ? in.get(1) : y(before(t))) + n * stateRow, to + featureRow, stateRow);
      } else {
        Memory.zero(to, featureRow + stateRow);
      }
    }
  }

  /** The row of a sequence, at this step, in the block. */
  private int blockRow(int sequence) {
    return done * sequences + sequence;
  }

  /** Sends back what the later step found, and finds the gradients of this one. */
  private void step(Part p) {
    if (later >= 0) {
      weightsOfH.multiply(p.rows(), laterRows + p.r0() * gradientRow, gradientRow, p.p0(), p.p1(),
          out.get(1) + p.r0() * stateRow,
          stateRow, op.masked());
    }
    if (t >= 0) {
      for (int panel = p.p0(); panel < p.p1(); panel++) {
        for (int row = p.r0(); row < p.r1();) {
          int end = op.masked() ? alike(p.r1(), row) : p.r1();
          if (isInside(t, row)) {
            inside(p.places(), panel, row, end);
          } else {
            outside(panel, row, end);
          }
          row = end;
        }
      }
    }
  }

  /** Sequences from {@code row} on, before {@code to}, that are at the same point at this step. */
  private int alike(int to, int row) {
    int end = row + 1;
    while (end < to && isInside(t, end) == isInside(t, row) && isFirst(t, end) == isFirst(t, row)) {
      end++;
    }
    return end;
  }

  private void outside(int panel, int row, int end) {
    int j = panel * Tiles.WIDTH;
    long bytes = 4L * cells.units(panel);
    for (int q = 0; q < GATES; q++) {
      for (int r = row; r < end; r++) {
        Memory.zero(rows + r * gradientRow + q * stateRow + 4L * j, bytes);
      }
    }
  }

  private void inside(RowProgram.Places places, int panel, int row, int end) {
    int units = cells.units(panel);
    long at = row * stateRow + 4L * panel * Tiles.WIDTH;
    long ofRows = rows + row * gradientRow + 4L * panel * Tiles.WIDTH;
    places.and(out.get(1) + at, stateRow).and(gradient(0) + t * sequences * stateRow + at, stateRow)
        .and(out.get(2) + at, stateRow);
    for (int q = 0; q < GATES; q++) {
      places.and(activations.at(panel, q, t * sequences + row), 4L * units);
    }
    places.and(cells.at(panel, 0, t * sequences + row), 4L * units);
    if (isFirst(t, row)) {
      places.and(in.get(2) + at, stateRow);
    } else {
      places.and(cells.at(panel, 0, before(t) * sequences + row), 4L * units);
    }
    for (int q = 0; q < GATES; q++) {
      places.and(ofRows + q * stateRow, gradientRow);
    }
    places.and(out.get(2) + at, stateRow);
    CellPrograms.LSTM_GRAD.run(places, end - row, units);
    if (op.masked()) {
      for (int r = row; r < end; r++) {
        Memory.zero(out.get(1) + r * stateRow + 4L * panel * Tiles.WIDTH, 4L * units);
      }
    }
  }

  /** Result {@code k} of the forward pass. */
  private long result(int k) {
    return in.get(op.weights() + 4 + k);
  }

  /** The gradient of result {@code k}. */
  private long gradient(int k) {
    return in.get(op.weights() + 4 + 5 + k);
  }

  private long y(int step) {
    return result(0) + step * sequences * stateRow;
  }

  /** What a block of steps adds to the gradients of the weights and biases of a gate. */
  private void block(int panel, int gate) {
    int units = cells.units(panel);
    int count = done * sequences;
    int blocks = Gemm.blocks(count);
    long unitRow = 4L * units;
    long from = rows - (done - 1) * sequences * gradientRow + gate * stateRow + 4L * panel * Tiles.WIDTH;
    int skipped = repeats ? features : 0;
    for (int q = 0; q < blocks; q++) {
      int p = Gemm.cut(count, blocks, q);
      multiply(features + hidden - skipped, units, Gemm.cut(count, blocks, q + 1) - p,
          memory.entered + p * enteredRow + 4L * skipped, enteredRow, from + p * gradientRow, gradientRow,
          ofWeights.at(panel, gate, skipped), !isFirstBlock || q > 0);
    }
    if (repeats && isFirstBlock) {
      Memory.zero(sums.at(panel, gate, 0), inputs.count() * unitRow);
    }
    for (int i = 0; repeats && i < done; i++) {
      int time = op.reverse() ? t - (done - 1 - i) : t + (done - 1 - i);
      Panels.addRows(from + i * sequences * gradientRow, 0, gradientRow, sums.at(panel, gate, 0), unitRow, 0,
          inputs.numbers(), time * sequences, sequences, units);
    }
    ColumnSums.add(sum, ofBiases[GATES * panel + gate], from, gradientRow, count, units);
  }

  /** {@code C [rows, units] (+)= A * B} with A column after column and B in rows. */
  private static void multiply(int rows, int units, int depth, long a, long aColumn, long b, long bRow, long c,
      boolean accumulate) {
    Gemm.Block product =
        new Gemm.Block(rows, units, depth, a, 4, aColumn, true, 0, b, false, bRow, c, 4L * units, accumulate);
    int rowPanels = product.rowPanels();
    product.tiles(rowPanels, 0, rowPanels, 0, 1);
  }

  /** Gradients of the weights and biases of a gate, as they are wanted. */
  private void results(int panel, int gate) {
    int w = op.weights();
    int units = cells.units(panel);
    int j = gate * hidden + panel * Tiles.WIDTH;
    if (repeats) {
      multiply(features, units, inputs.count(), memory.distinct, distinctRow, sums.at(panel, gate, 0), 4L * units,
          ofWeights.at(panel, gate, 0), false);
    }
    Panels.transpose(ofWeights.at(panel, gate, 0), 4L * units, out.get(w) + j * featureRow, featureRow, units, features,
        false);
    Panels.transpose(ofWeights.at(panel, gate, features), 4L * units, out.get(w + 1) + j * stateRow, stateRow, units,
        hidden, false);
    for (int i = 0; i < units; i++) {
      Memory.setFloat(out.get(w + 2) + 4L * (j + i), (float) sum.result(ofBiases[GATES * panel + gate], i));
    }
  }
}
