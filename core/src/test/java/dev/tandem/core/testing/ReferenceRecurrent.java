package dev.tandem.core.testing;

import dev.tandem.core.op.Recurrent;
import java.util.List;

/** {@link Recurrent} and backpropagation through it, one sequence and one step after another. */
final class ReferenceRecurrent {
  private final Recurrent op;
  private final List<Elements> in;
  private final int steps;
  private final int sequences;
  private final int features;
  private final int hidden;
  private final int rows;
  private final Elements y;
  /** Gates after activation [T, N, G*H]; null for a plain RNN. */
  private final Elements gates;
  /** Cell states of an LSTM, {@code W_hn h + b_hn} of a GRU, [T, N, H]; else null. */
  private final Elements extra;

  private ReferenceRecurrent(Recurrent op, List<Elements> in, List<Elements> out) {
    this.op = op;
    this.in = in;
    Elements x = in.get(0);
    steps = x.dim(0);
    sequences = x.dim(1);
    features = x.dim(2);
    hidden = in.get(1).dim(1);
    rows = op.cell().gates() * hidden;
    y = out.get(0);
    int results = op.results(out.size());
    gates = out.size() > results ? out.get(results) : null;
    extra = out.size() > results + 1 ? out.get(results + 1) : null;
  }

  static void forward(Recurrent op, List<Elements> in, List<Elements> out) {
    out.forEach(o -> o.fill(0));
    ReferenceRecurrent r = new ReferenceRecurrent(op, in, out);
    for (int n = 0; n < r.sequences; n++) {
      double[] h = r.row(in.get(1), n);
      double[] c = r.lstm() ? r.row(in.get(2), n) : new double[0];
      for (int k = 0; k < r.steps; k++) {
        int t = op.reverse() ? r.steps - 1 - k : k;
        if (t < r.length(n)) {
          r.step(t, n, h, c);
        }
      }
      r.store(out.get(1), n, h);
      if (r.lstm()) {
        r.store(out.get(2), n, c);
      }
    }
  }

  private boolean lstm() {
    return op.cell() == Recurrent.Cell.LSTM;
  }

  private Elements weight(int which) {
    return in.get(op.weights() + which);
  }

  private int length(int n) {
    return op.masked() ? Math.clamp((long) weight(4).get(n), 0, steps) : steps;
  }

  private double[] row(Elements states, int n) {
    double[] r = new double[hidden];
    for (int j = 0; j < hidden; j++) {
      r[j] = states.get((long) n * hidden + j);
    }
    return r;
  }

  private void store(Elements states, int n, double[] values) {
    for (int j = 0; j < hidden; j++) {
      states.set((long) n * hidden + j, values[j]);
    }
  }

  private long at(int t, int n, int width, int j) {
    return ((long) t * sequences + n) * width + j;
  }

  private double ofX(int t, int n, int row) {
    double sum = weight(2).get(row);
    for (int i = 0; i < features; i++) {
      sum += weight(0).get((long) row * features + i) * in.get(0).get(at(t, n, features, i));
    }
    return sum;
  }

  private double ofH(double[] h, int row) {
    double sum = weight(3).get(row);
    for (int j = 0; j < hidden; j++) {
      sum += weight(1).get((long) row * hidden + j) * h[j];
    }
    return sum;
  }

  private static double sigmoid(double v) {
    return 1 / (1 + Math.exp(-v));
  }

  /** Overwrites h and c with the states after step t of sequence n. */
  private void step(int t, int n, double[] h, double[] c) {
    double[] before = h.clone();
    for (int j = 0; j < hidden; j++) {
      switch (op.cell()) {
        case RNN_TANH -> h[j] = Math.tanh(ofX(t, n, j) + ofH(before, j));
        case RNN_RELU -> h[j] = Math.max(0, ofX(t, n, j) + ofH(before, j));
        case LSTM -> {
          double i = gate(t, n, 0, j, sigmoid(both(t, n, before, 0, j)));
          double f = gate(t, n, 1, j, sigmoid(both(t, n, before, 1, j)));
          double g = gate(t, n, 2, j, Math.tanh(both(t, n, before, 2, j)));
          double o = gate(t, n, 3, j, sigmoid(both(t, n, before, 3, j)));
          c[j] = f * c[j] + i * g;
          h[j] = o * Math.tanh(c[j]);
          extra.set(at(t, n, hidden, j), c[j]);
        }
        case GRU -> {
          double r = gate(t, n, 0, j, sigmoid(both(t, n, before, 0, j)));
          double z = gate(t, n, 1, j, sigmoid(both(t, n, before, 1, j)));
          double fromH = ofH(before, 2 * hidden + j);
          double candidate = gate(t, n, 2, j, Math.tanh(ofX(t, n, 2 * hidden + j) + r * fromH));
          extra.set(at(t, n, hidden, j), fromH);
          h[j] = (1 - z) * candidate + z * before[j];
        }
        case GRU_RESET_BEFORE -> {
          double[] kept = new double[hidden];
          for (int k = 0; k < hidden; k++) {
            kept[k] = gate(t, n, 0, k, sigmoid(both(t, n, before, 0, k))) * before[k];
          }
          double z = gate(t, n, 1, j, sigmoid(both(t, n, before, 1, j)));
          double candidate =
              gate(t, n, 2, j, Math.tanh(ofX(t, n, 2 * hidden + j) + ofH(kept, 2 * hidden + j)));
          h[j] = (1 - z) * before[j] + z * candidate;
        }
      }
    }
    for (int j = 0; j < hidden; j++) {
      y.set(at(t, n, hidden, j), h[j]);
    }
  }

  private double both(int t, int n, double[] h, int gate, int j) {
    return ofX(t, n, gate * hidden + j) + ofH(h, gate * hidden + j);
  }

  private double gate(int t, int n, int gate, int j, double value) {
    gates.set(at(t, n, rows, gate * hidden + j), value);
    return value;
  }

  private double gate(int t, int n, int gate, int j) {
    return gates.get(at(t, n, rows, gate * hidden + j));
  }

  /** @param in as {@link Recurrent#gradientOperands} puts them together */
  static void backward(Recurrent op, List<Elements> in, List<Elements> gradients) {
    gradients.forEach(g -> g.fill(0));
    int operands = op.operands();
    int results = 1 + op.cell().states();
    int outputs = in.size() - operands - results;
    ReferenceRecurrent r =
        new ReferenceRecurrent(op, in.subList(0, operands), in.subList(operands, operands + outputs));
    List<Elements> given = in.subList(operands + outputs, in.size());
    for (int n = 0; n < r.sequences; n++) {
      double[] dh = r.row(given.get(1), n);
      double[] dc = r.lstm() ? r.row(given.get(2), n) : new double[0];
      for (int k = 0; k < r.steps; k++) {
        int t = op.reverse() ? k : r.steps - 1 - k;
        if (t < r.length(n)) {
          for (int j = 0; j < r.hidden; j++) {
            dh[j] += given.get(0).get(r.at(t, n, r.hidden, j));
          }
          r.back(t, n, dh, dc, gradients);
        }
      }
      r.store(gradients.get(1), n, dh);
      if (r.lstm()) {
        r.store(gradients.get(2), n, dc);
      }
    }
  }

  /** A state before step t of sequence n. */
  private double[] before(int t, int n, Elements states, Elements first) {
    int previous = op.reverse() ? t + 1 : t - 1;
    if (previous < 0 || previous >= length(n)) {
      return row(first, n);
    }
    double[] r = new double[hidden];
    for (int j = 0; j < hidden; j++) {
      r[j] = states.get(at(previous, n, hidden, j));
    }
    return r;
  }

  /** Turns the gradients of the states after a step into those of the states before it. */
  private void back(int t, int n, double[] dh, double[] dc, List<Elements> gradients) {
    double[] h = before(t, n, y, in.get(1));
    double[] hOfCandidate = h.clone();
    double[] ofX = new double[rows];
    double[] ofH = new double[rows];
    double[] direct = new double[hidden];
    double[] c = lstm() ? before(t, n, extra, in.get(2)) : dc;
    for (int j = 0; j < hidden; j++) {
      switch (op.cell()) {
        case RNN_TANH -> {
          double value = y.get(at(t, n, hidden, j));
          ofX[j] = dh[j] * (1 - value * value);
        }
        case RNN_RELU -> ofX[j] = y.get(at(t, n, hidden, j)) > 0 ? dh[j] : 0;
        case LSTM -> {
          double i = gate(t, n, 0, j);
          double f = gate(t, n, 1, j);
          double g = gate(t, n, 2, j);
          double o = gate(t, n, 3, j);
          double squashed = Math.tanh(extra.get(at(t, n, hidden, j)));
          double ofCell = dc[j] + dh[j] * o * (1 - squashed * squashed);
          ofX[j] = ofCell * g * i * (1 - i);
          ofX[hidden + j] = ofCell * c[j] * f * (1 - f);
          ofX[2 * hidden + j] = ofCell * i * (1 - g * g);
          ofX[3 * hidden + j] = dh[j] * squashed * o * (1 - o);
          dc[j] = ofCell * f;
        }
        case GRU -> {
          double r = gate(t, n, 0, j);
          double z = gate(t, n, 1, j);
          double candidate = gate(t, n, 2, j);
          double ofCandidate = dh[j] * (1 - z) * (1 - candidate * candidate);
          ofX[j] = ofCandidate * extra.get(at(t, n, hidden, j)) * r * (1 - r);
          ofX[hidden + j] = dh[j] * (h[j] - candidate) * z * (1 - z);
          ofX[2 * hidden + j] = ofCandidate;
          direct[j] = dh[j] * z;
        }
        case GRU_RESET_BEFORE -> {
          double z = gate(t, n, 1, j);
          double candidate = gate(t, n, 2, j);
          ofX[hidden + j] = dh[j] * (candidate - h[j]) * z * (1 - z);
          ofX[2 * hidden + j] = dh[j] * z * (1 - candidate * candidate);
          direct[j] = dh[j] * (1 - z);
          hOfCandidate[j] = gate(t, n, 0, j) * h[j];
        }
      }
    }
    if (op.cell() == Recurrent.Cell.GRU_RESET_BEFORE) {
      for (int j = 0; j < hidden; j++) {
        double ofKept = 0;
        for (int k = 0; k < hidden; k++) {
          ofKept += ofX[2 * hidden + k] * weight(1).get((2L * hidden + k) * hidden + j);
        }
        double r = gate(t, n, 0, j);
        ofX[j] = ofKept * h[j] * r * (1 - r);
        direct[j] += ofKept * r;
      }
    }
    for (int row = 0; row < rows; row++) {
      boolean candidate = row >= 2 * hidden;
      ofH[row] = op.cell() == Recurrent.Cell.GRU && candidate ? ofX[row] * gate(t, n, 0, row - 2 * hidden) : ofX[row];
      boolean throughKept = op.cell() == Recurrent.Cell.GRU_RESET_BEFORE && candidate;
      accumulate(t, n, row, ofX[row], ofH[row], throughKept ? hOfCandidate : h, gradients);
      for (int j = 0; j < hidden && !throughKept; j++) {
        direct[j] += ofH[row] * weight(1).get((long) row * hidden + j);
      }
    }
    System.arraycopy(direct, 0, dh, 0, hidden);
  }

  /** What one row of the weights gives to the gradients of x, weights and biases. */
  private void accumulate(int t, int n, int row, double ofX, double ofH, double[] h, List<Elements> gradients) {
    int w = op.weights();
    for (int i = 0; i < features; i++) {
      gradients.get(0).add(at(t, n, features, i), ofX * weight(0).get((long) row * features + i));
      gradients.get(w).add((long) row * features + i, ofX * in.get(0).get(at(t, n, features, i)));
    }
    for (int j = 0; j < hidden; j++) {
      gradients.get(w + 1).add((long) row * hidden + j, ofH * h[j]);
    }
    gradients.get(w + 2).add(row, ofX);
    gradients.get(w + 3).add(row, ofH);
  }
}
