package dev.tandem.core.nn;

import dev.tandem.core.op.Recurrent;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stacked recurrent cells, each layer and direction one {@link Recurrent}. For every layer k there are {@code weight_ih_lk [G*H, I]},
 * {@code weight_hh_lk [G*H, H]}, {@code bias_ih_lk [G*H]} and {@code bias_hh_lk [G*H]}, and the same again with {@code _reverse}; all
 * begin uniform between {@code ±1 / sqrt(H)}.
 */
abstract sealed class RecurrentLayer extends Module permits Rnn, Lstm, Gru {
  private record Weights(Parameter weightIh, Parameter weightHh, Parameter biasIh, Parameter biasHh) {
  }

  private final Recurrent.Cell cell;
  private final int inputSize;
  private final int hiddenSize;
  private final RecurrentOptions options;
  private final List<Weights> weights = new ArrayList<>();
  private final Dropout dropout;

  RecurrentLayer(Recurrent.Cell cell, int inputSize, int hiddenSize, RecurrentOptions options) {
    if (inputSize < 1 || hiddenSize < 1) {
      throw new ShapeException(
          name() + " from " + inputSize + " to " + hiddenSize + " features; both must be positive");
    }
    this.cell = cell;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.options = options;
    dropout = child("dropout", new Dropout(options.dropout()));
    int directions = options.directions();
    for (int layer = 0; layer < options.layers(); layer++) {
      for (int direction = 0; direction < directions; direction++) {
        weights.add(weights(layer == 0 ? inputSize : directions * hiddenSize,
            "_l" + layer + (direction == 0 ? "" : "_reverse")));
      }
    }
  }

  private Weights weights(int in, String suffix) {
    Initializer init = Initializers.uniform(-1 / Math.sqrt(hiddenSize), 1 / Math.sqrt(hiddenSize));
    int rows = cell.gates() * hiddenSize;
    return new Weights(parameter("weight_ih" + suffix, init, rows, in),
        parameter("weight_hh" + suffix, init, rows, hiddenSize), parameter("bias_ih" + suffix, init, rows),
        parameter("bias_hh" + suffix, init, rows));
  }

  @Override
  protected final Tensor forward(Tensor x) {
    return through(x, Collections.nCopies(cell.states(), null), null).get(0);
  }

  /** The output sequence, then each final state, in one frame.
   *
   * @param initial each state {@code [L*D, N, H]}, or null for zeros
   */
  final List<Tensor> run(Tensor x, List<@Nullable Tensor> initial, @Nullable Tensor lengths) {
    return frames(() -> through(x, initial, lengths));
  }

  private List<Tensor> through(Tensor x, List<@Nullable Tensor> initial, @Nullable Tensor lengths) {
    check(x, initial, lengths);
    Tensor sequence = options.batchFirst() ? x.transpose(0, 1) : x;
    Tensor zeros = initial.contains(null) ? Tensor.zeros(x.device(), sequence.shape().dim(1), hiddenSize) : null;
    List<List<Tensor>> last = new ArrayList<>();
    initial.forEach(s -> last.add(new ArrayList<>()));
    int directions = options.directions();
    for (int layer = 0; layer < options.layers(); layer++) {
      List<Tensor> outputs = new ArrayList<>();
      for (int direction = 0; direction < directions; direction++) {
        int at = layer * directions + direction;
        List<Tensor> in = new ArrayList<>();
        in.add(sequence);
        for (Tensor s : initial) {
          in.add(s == null ? zeros : s.select(0, at));
        }
        Weights w = weights.get(at);
        in.addAll(List.of(w.weightIh.tensor(), w.weightHh.tensor(), w.biasIh.tensor(), w.biasHh.tensor()));
        if (lengths != null) {
          in.add(lengths);
        }
        List<Tensor> out =
            Execution.run(new Recurrent(cell, direction == 1, lengths != null), in.toArray(Tensor[]::new));
        outputs.add(out.get(0));
        for (int s = 0; s < last.size(); s++) {
          last.get(s).add(out.get(1 + s));
        }
      }
      sequence = directions == 1 ? outputs.get(0) : Tensor.concat(2, outputs.toArray(Tensor[]::new));
      if (layer < options.layers() - 1) {
        sequence = dropout.apply(sequence);
      }
    }
    List<Tensor> results = new ArrayList<>();
    results.add(options.batchFirst() ? sequence.transpose(0, 1) : sequence);
    last.forEach(s -> results.add(Tensor.stack(0, s.toArray(Tensor[]::new))));
    return results;
  }

  private void check(Tensor x, List<@Nullable Tensor> initial, @Nullable Tensor lengths) {
    String sequences = options.batchFirst() ? "[N, T, " + inputSize + "]" : "[T, N, " + inputSize + "]";
    Shape shape = x.shape();
    if (shape.rank() != 3 || shape.dim(2) != inputSize) {
      throw mistake(x, "the input must be " + sequences + (shape.rank() == 2 && shape.dim(1) == inputSize
          ? "; give a single sequence a batch axis with unsqueeze" : ""));
    }
    int n = shape.dim(options.batchFirst() ? 0 : 1);
    Shape wanted = Shape.of(options.layers() * options.directions(), n, hiddenSize);
    for (int i = 0; i < initial.size(); i++) {
      Tensor s = initial.get(i);
      if (s != null && !s.shape().equals(wanted)) {
        throw mistake(x, "initial state " + (i == 0 ? "h" : "c") + " must be " + wanted
            + ", one [N, H] for each layer and direction, not " + s.shape());
      }
    }
    if (lengths != null && !lengths.shape().equals(Shape.of(n))) {
      throw mistake(x, "lengths must be [" + n + "], one per sequence, not " + lengths.shape());
    }
  }

  private ShapeException mistake(Tensor x, String what) {
    return new ShapeException(name() + " of " + x + ": " + what);
  }
}
