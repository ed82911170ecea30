package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Each instruction alone, and each element type. */
abstract class OpcodeContract extends Contract {
  private static DType dtype(Kind kind) {
    return switch (kind) {
      case FLOAT -> DType.F32;
      case INT -> DType.I32;
      case BOOL -> DType.BOOL;
    };
  }

  private static double[] special(Kind kind) {
    return switch (kind) {
      case FLOAT -> Numbers.specialFloats();
      case INT -> Numbers.specialInts();
      case BOOL -> new double[] {0, 1};
    };
  }

  @Test
  void everyPairOfSpecialValues() {
    for (Signature s : Signature.all()) {
      trial(1, t -> {
        List<Trial.Slot> in = new ArrayList<>();
        int rank = s.operands().size();
        for (int i = 0; i < rank; i++) {
          double[] values = special(s.operands().get(i));
          int[] dims = IntStream.range(0, rank).map(a -> 1).toArray();
          dims[i] = values.length;
          in.add(t.slot(dtype(s.operands().get(i)), values, Arrangement.CONTIGUOUS, dims));
        }
        Pointwise op = Pointwise.of(s.op().name(), Program.of(s.operands(), List.of(s.applyToInputs())));
        t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
      });
    }
  }

  @Test
  void everyLengthOfTail() {
    for (Signature s : Signature.all()) {
      for (int n : new int[] {1, 7, 16, 31, 33, 130}) {
        trial(n, t -> {
          List<Trial.Slot> in = s.operands().stream()
              .map(k -> t.slot(dtype(k), Layout.contiguous(Shape.of(n)), Numbers.SPECIAL)).toList();
          Pointwise op = Pointwise.of(s.op().name(), Program.of(s.operands(), List.of(s.applyToInputs())));
          t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
        });
      }
    }
  }

  /** Where functions are approximated piecewise, the pieces must meet. */
  @Test
  void functionsOverTheirWholeRange() {
    for (Signature s : Signature.all()) {
      if (s.operands().size() == 1 && s.operands().get(0) == Kind.FLOAT) {
        trial(3, t -> {
          double[] x = new double[8000];
          for (int i = 0; i < x.length; i++) {
            x[i] = (float) (i < 4000 ? (i - 2000) * 0.0521
                : Math.scalb(1 + t.random().nextDouble(), i % 254 - 127) * (i % 4 < 2 ? 1 : -1));
          }
          List<Trial.Slot> in = List.of(t.slot(DType.F32, x, Arrangement.CONTIGUOUS, x.length));
          Pointwise op = Pointwise.of(s.op().name(), Program.of(s.operands(), List.of(s.applyToInputs())));
          t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
        });
      }
    }
  }

  /** The signs of zeros survive what only moves or negates numbers. */
  @Test
  void zerosKeepTheirSign() {
    trial(4, t -> {
      Expr x = Expr.input(0);
      Pointwise op = Pointwise.of("signs", Program.of(1, x, x.neg(), x.mul(Expr.constant(-2)), x.abs()));
      List<Trial.Slot> in = List.of(t.slot(DType.F32, new double[] {0.0, -0.0, 3}, Arrangement.CONTIGUOUS, 3));
      List<Trial.Slot> out = t.outputs(op, Arrangement.CONTIGUOUS, in);
      t.pointwise(op, in, out);
      assertThat(floats(t, out.get(0), 3)).containsExactly(0f, -0f, 3f);
      assertThat(floats(t, out.get(1), 3)).containsExactly(-0f, 0f, -3f);
      assertThat(floats(t, out.get(2), 3)).containsExactly(-0f, 0f, -6f);
      assertThat(floats(t, out.get(3), 3)).containsExactly(0f, 0f, 3f);
    });
  }

  private static Float[] floats(Trial t, Trial.Slot s, int n) {
    HostArray values = t.read(s);
    return IntStream.range(0, n).mapToObj(i -> (float) values.get(i)).toArray(Float[]::new);
  }

  /** Every input type to every output type, by way of registers. */
  @Test
  void conversionsBetweenElementTypes() {
    for (DType from : DType.values()) {
      for (DType to : DType.values()) {
        if (!backend().supports(from) || !backend().supports(to)) {
          continue;
        }
        for (int n : new int[] {1, 15, 33, 400}) {
          trial(n, t -> {
            List<Trial.Slot> in = List.of(t.slot(from, Layout.contiguous(Shape.of(n)), Numbers.SPECIAL));
            Program p = Program.of(1, Expr.input(0, from.kind()).to(to.kind()));
            Pointwise op = new Pointwise("to" + to, p, List.of(to), Launch.NONE);
            t.pointwise(op, in, t.outputs(op, Arrangement.OFFSET, in));
          });
        }
      }
    }
  }

  @Test
  void bf16RoundsToNearestEven() {
    trial(6, t -> {
      // Around every tie: the half unit of bf16 above numbers with even and odd last bits, and one bit to either side
      // of it.
      double[] x = new double[6 * 64];
      for (int i = 0; i < x.length; i++) {
        x[i] =
            Float.intBitsToFloat(0x3F80_0000 + (i / 6 << 16) + new int[] {0, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 1}[i % 6]);
      }
      List<Trial.Slot> in = List.of(t.slot(DType.F32, x, Arrangement.CONTIGUOUS, x.length));
      Pointwise op = Pointwise.of("toBF16", Program.IDENTITY, Launch.NONE, DType.BF16);
      t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
    });
  }

  /** Constants and launch arguments are fp32 numbers on every backend. */
  @Test
  void argumentsAndConstants() {
    trial(7, t -> {
      Expr x = Expr.input(0);
      Expr i = Expr.input(1, Kind.INT);
      Program p =
          Program.of(2, Expr.argument(0), Expr.argument(1).add(x), x.mul(0.1), Expr.argument(2, Kind.INT).add(i),
              Expr.constant(1e-40), Expr.constant(Double.POSITIVE_INFINITY).mul(x),
              Expr.constant(Integer.MIN_VALUE, Kind.INT).add(i),
              Expr.constant(1, Kind.BOOL), Expr.constant(Double.NaN));
      Pointwise op = Pointwise.of("constants", p, Launch.of(0.1, 1e-3, -7), DType.F32);
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 3, 11), t.slot(DType.I32, Arrangement.CONTIGUOUS, 11));
      t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
    });
  }
}
