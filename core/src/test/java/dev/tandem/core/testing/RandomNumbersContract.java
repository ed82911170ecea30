package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Philox;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Random numbers are the same bits on every device: each is Philox of key, counter, salt and its row-major position.
 */
abstract class RandomNumbersContract extends Contract {
  private static final Expr X = Expr.input(0);
  private static final Expr COUNTER = Expr.input(1, Kind.INT);
  private static final Program DRAWS =
      Program.of(2, Expr.random(COUNTER, 0), Expr.random(COUNTER, 7).sub(0.5), Expr.random(COUNTER, -3));

  @Test
  void firstWordsOfTheKnownAnswers() {
    trial(1, t -> {
      Pointwise op = Pointwise.of("draw", Program.of(2, Expr.random(COUNTER, 0)), Launch.random(0), DType.F32);
      List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 4),
          t.slot(DType.I32, new double[] {0}, Arrangement.CONTIGUOUS, 1));
      Trial.Slot out = t.outputs(op, Arrangement.CONTIGUOUS, in).get(0);
      t.pointwise(op, in, List.of(out));
      HostArray got = t.read(out);
      // Random123, kat_vectors: philox4x32 10 rounds, counter and key 0.
      int[] words = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
      for (int i = 0; i < 4; i++) {
        assertThat(got.get(i)).as("element %d", i).isEqualTo((words[i] >>> 8) * 0x1p-24);
      }
    });
  }

  @Test
  void everyLayoutOfOutputsHasTheSameNumbers() {
    int[][] shapes = {{}, {1}, {2}, {3}, {7}, {16}, {33}, {7, 33}, {3, 5, 17}, {2, 17, 3, 5}, {2, 3, 1, 5, 7}, {0, 3}};
    for (int[] dims : shapes) {
      for (Arrangement a : Arrangement.ALL) {
        for (long key : new long[] {0, 99, -1, 0x0123_4567_89AB_CDEFL}) {
          trial(key, t -> {
            Pointwise op = Pointwise.of("draws", DRAWS, Launch.random(key), DType.F32);
            List<Trial.Slot> in = List.of(t.slot(DType.F32, a, dims),
                t.slot(DType.I32, new double[] {key == 99 ? Integer.MIN_VALUE : 12345}, Arrangement.OFFSET, 1));
            t.pointwise(op, in, t.outputs(op, a, in));
          });
        }
      }
    }
  }

  /** Rows that a wide access may start at and whose positions it may not: 7 numbers, 8 or 12 apart. */
  @Test
  void alignedRowsAtPositionsThatAreNot() {
    for (int apart : new int[] {8, 12}) {
      trial(apart, t -> {
        Pointwise op = Pointwise.of("draws", DRAWS, Launch.random(7), DType.F32);
        Layout gaps = Layout.of(Shape.of(5, 7), new long[] {apart, 1}, 4);
        List<Trial.Slot> in =
            List.of(t.slot(DType.F32, gaps, Numbers.ORDINARY), t.slot(DType.I32, Arrangement.OFFSET, 1));
        t.pointwise(op, in, IntStream.range(0, 3).mapToObj(k -> t.slot(DType.F32, gaps, Numbers.ORDINARY)).toList());
      });
    }
  }

  /** The numbers do not depend on how the work is divided. */
  @Test
  void moreElementsThanAnyChunk() {
    trial(3, t -> {
      Pointwise op = Pointwise.of("draws", DRAWS, Launch.random(42), DType.F32);
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 70_001), t.slot(DType.I32, Arrangement.CONTIGUOUS));
      t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
    });
    trial(4, t -> {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 1), t.slot(DType.I32, Arrangement.CONTIGUOUS, 1, 1));
      // The position counts in the shape of the output, which is that of another operand.
      Trial.Slot shape = t.slot(DType.F32, Arrangement.CHANNELS_LAST, 3, 33, 7, 9);
      Program p = Program.of(3, Expr.random(COUNTER, 1).add(Expr.input(2).mul(0)).less(0.7).where(X, Expr.constant(0)));
      Pointwise mask = Pointwise.of("mask", p, Launch.random(42), DType.F32);
      t.pointwise(mask, List.of(in.get(0), in.get(1), shape),
          t.outputs(mask, Arrangement.CHANNELS_LAST, List.of(in.get(0), in.get(1), shape)));
    });
  }

  /** As the gradient of dropout by a broadcast operand has it: the mask is drawn again in a sum. */
  @Test
  void inTheProloguesOfReductions() {
    Program p = Program.of(2, Expr.random(COUNTER, 5).less(0.7).where(X, Expr.constant(0)));
    for (List<Integer> axes : List.of(List.of(0), List.of(1), List.of(2), List.of(0, 2), List.of(1, 2),
        List.of(0, 1, 2))) {
      for (Arrangement a : List.of(Arrangement.CONTIGUOUS, Arrangement.TRANSPOSED, Arrangement.SLICED)) {
        trial(6, t -> {
          Reduce op = new Reduce(Reduce.Kind.SUM, axes, p, Launch.random(-5));
          List<Trial.Slot> in = List.of(t.slot(DType.F32, a, 5, 33, 7), t.slot(DType.I32, Arrangement.CONTIGUOUS, 1));
          t.reduce(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in).get(0));
        });
      }
    }
    trial(7, t -> {
      Program draw = Program.of(2, Expr.random(COUNTER, 5));
      Reduce op = new Reduce(Reduce.Kind.ARGMAX, List.of(1), draw, Launch.random(8));
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 9, 1000), t.slot(DType.I32, Arrangement.CONTIGUOUS, 1));
      Trial.Slot out = t.outputs(op, Arrangement.CONTIGUOUS, in).get(0);
      t.reduce(op, in, out);
      float best = -1;
      int at = -1;
      for (int i = 0; i < 1000; i++) {
        float u = Philox.uniform(8, (int) t.read(in.get(1)).get(0), 5, i);
        if (u > best) {
          best = u;
          at = i;
        }
      }
      assertThat(t.read(out).get(0)).isEqualTo(at);
    });
  }
}
