package dev.tandem.core.testing;

import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole sequences of recurrent cells, on backends that claim them. */
abstract class RecurrentContract extends Contract {
  private record Sizes(int steps, int sequences, int features, int hidden) {
  }

  /** Those that the backend claims; skips the test if there are none. */
  private List<Recurrent> claimed(Recurrent.Cell cell) {
    List<Recurrent> claimed = kinds(cell).filter(backend()::supports).toList();
    Assumptions.assumeFalse(claimed.isEmpty(), () -> backend().name() + " claims no " + cell);
    return claimed;
  }

  private static Stream<Recurrent> kinds(Recurrent.Cell cell) {
    return Stream.of(new Recurrent(cell, false, false), new Recurrent(cell, true, false),
        new Recurrent(cell, false, true), new Recurrent(cell, true, true));
  }

  /** Forward, then backward from what the backend itself kept for it, whose contents are its own business. */
  private void compare(Trial t, Recurrent op, Sizes s, Arrangement from, Arrangement to) {
    List<Trial.Slot> in = operands(t, op, s, from);
    List<Trial.Slot> out = t.outputs(op, to, in);
    int results = op.results(out.size());
    // A pre-activation is a sum of I + H products of ordinary numbers with weights below 1 / sqrt(H). Such weights hand an error to
    // the next step without enlarging it, so that errors add up over the steps. In TF32 both factors may lose 2^-10 of themselves.
    double unit = (op.tf32() ? 0x1p-9 : 16 * Trial.UNIT) * (Math.sqrt(s.features + s.hidden) + 4) * s.steps;
    List<double[]> bounds = new ArrayList<>();
    for (int k = 0; k < out.size(); k++) {
      bounds.add(filled(out.get(k).shape(), k < results ? unit : Double.POSITIVE_INFINITY));
    }
    t.within(op, in, out, bounds);
    if (backend().supports(op.gradient())) {
      List<Trial.Slot> given = new ArrayList<>();
      for (Trial.Slot result : out.subList(0, results)) {
        given.add(t.slot(DType.F32, to, result.shape().dims()));
      }
      List<Trial.Slot> operands = op.gradientOperands(in, out.stream().map(t::computed).toList(), given);
      List<Trial.Slot> gradients = t.outputs(op.gradient(), to, operands);
      t.runOracle(op.gradient(), operands, gradients);
      List<double[]> errors = new ArrayList<>();
      for (Trial.Slot g : gradients) {
        double largest = Arrays.stream(t.values(g)).map(Math::abs).max().orElse(0);
        errors.add(filled(g.shape(), unit * (1 + largest)));
      }
      t.within(op.gradient(), operands, gradients, errors);
    }
  }

  private static double[] filled(Shape shape, double value) {
    double[] r = new double[Math.toIntExact(shape.size())];
    Arrays.fill(r, value);
    return r;
  }

  private static List<Trial.Slot> operands(Trial t, Recurrent op, Sizes s, Arrangement from) {
    int rows = op.cell().gates() * s.hidden;
    List<Trial.Slot> in = new ArrayList<>();
    in.add(t.slot(DType.F32, from, s.steps, s.sequences, s.features));
    for (int i = 0; i < op.cell().states(); i++) {
      in.add(t.slot(DType.F32, from, s.sequences, s.hidden));
    }
    for (int[] dims : new int[][] {{rows, s.features}, {rows, s.hidden}, {rows}, {rows}}) {
      double[] numbers = new double[Math.toIntExact(Shape.of(dims).size())];
      Arrays.setAll(numbers, i -> (float) ((2 * t.random().nextDouble() - 1) / Math.sqrt(s.hidden)));
      in.add(t.slot(DType.F32, numbers, from, dims));
    }
    if (op.masked()) {
      double[] lengths = new double[s.sequences];
      // Beyond both ends too: a length counts as 0 or as T there.
      Arrays.setAll(lengths, i -> t.random().nextInt(-1, s.steps + 2));
      in.add(t.slot(DType.I32, lengths, Arrangement.CONTIGUOUS, s.sequences));
    }
    return in;
  }

  @ParameterizedTest
  @EnumSource
  void everySize(Recurrent.Cell cell) {
    claimed(cell).forEach(op -> {
      for (int hidden : new int[] {1, 3, 8, 17, 33}) {
        for (int sequences : new int[] {0, 1, 5, 16}) {
          for (int steps : new int[] {1, 2, 7}) {
            Sizes s = new Sizes(steps, sequences, 1 + 2 * steps, hidden);
            trial(hidden, t -> compare(t, op, s, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS));
          }
        }
      }
    });
  }

  @ParameterizedTest
  @EnumSource
  void everyLayout(Recurrent.Cell cell) {
    claimed(cell).forEach(op -> {
      for (Arrangement from : Arrangement.values()) {
        trial(from.ordinal(), t -> compare(t, op, new Sizes(3, 4, 5, 6), from, Arrangement.CONTIGUOUS));
        trial(from.ordinal(), t -> compare(t, op, new Sizes(3, 4, 5, 6), Arrangement.CONTIGUOUS, from));
      }
    });
  }

  @ParameterizedTest
  @EnumSource
  void tf32(Recurrent.Cell cell) {
    assumeSupported(Precision.TF32);
    claimed(cell).forEach(op -> {
      for (int hidden : new int[] {1, 8, 33}) {
        trial(hidden, t -> compare(t, op.withTf32(true), new Sizes(5, 4, 7, hidden), Arrangement.CONTIGUOUS,
            Arrangement.CONTIGUOUS));
      }
    });
  }

  @ParameterizedTest
  @EnumSource
  void longSequences(Recurrent.Cell cell) {
    claimed(cell).forEach(op -> {
      trial(9, t -> compare(t, op, new Sizes(50, 3, 4, 12), Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS));
    });
  }

  /** Large pre-activations: gates that are all open or shut, with no overflow on the way. */
  @Test
  void saturatedGatesStayFinite() {
    for (Recurrent.Cell cell : Recurrent.Cell.values()) {
      Recurrent op = new Recurrent(cell, false, false);
      if (cell != Recurrent.Cell.RNN_RELU && backend().supports(op)) {
        trial(10, t -> {
          List<Trial.Slot> in = new ArrayList<>(operands(t, op, new Sizes(4, 3, 2, 5), Arrangement.CONTIGUOUS));
          double[] x = new double[4 * 3 * 2];
          Arrays.setAll(x, i -> i % 2 == 0 ? 1e4 : -1e4);
          in.set(0, t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 4, 3, 2));
          List<Trial.Slot> out = t.outputs(op, Arrangement.CONTIGUOUS, in);
          List<double[]> bounds = new ArrayList<>();
          for (int k = 0; k < out.size(); k++) {
            // A gate is 0 or 1 unless its two weights nearly cancel; then 1e4 times the rounding of a product moves it by 1e-3.
            bounds.add(filled(out.get(k).shape(), k < op.results(out.size()) ? 1e-2 : Double.POSITIVE_INFINITY));
          }
          t.within(op, in, out, bounds);
        });
      }
    }
  }
}
