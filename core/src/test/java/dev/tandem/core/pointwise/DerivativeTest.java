package dev.tandem.core.pointwise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DerivativeTest {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Expr C = Expr.input(2, Kind.BOOL);
  private static final ReferenceBackend ORACLE = new ReferenceBackend();

  private static DType dtype(Kind kind) {
    return switch (kind) {
      case FLOAT -> DType.F64;
      case INT -> DType.I32;
      case BOOL -> DType.BOOL;
    };
  }

  /** The outputs of {@code p} at one point, in double precision. */
  private static double[] evaluate(Program p, double... in) {
    List<Operand> operands = new ArrayList<>();
    for (int i = 0; i < in.length; i++) {
      operands.add(operand(dtype(p.inputs().get(i)), in[i]));
    }
    Pointwise op = Pointwise.of("test", p, Launch.of(1.25, -0.5), DType.F64);
    List<Operand> out = op.types().stream().map(t -> operand(t, 0)).toList();
    ORACLE.execute(new Call(op, operands, out, null));
    return out.stream().mapToDouble(o -> ReferenceBackend.values(o.storage())[0]).toArray();
  }

  private static Operand operand(DType type, double value) {
    HostArray host = HostArray.zeros(type, 1);
    host.set(0, value);
    Storage s = ORACLE.allocate(type, 1);
    ORACLE.write(s, 0, host.data());
    return new Operand(s, Layout.contiguous(Shape.of(1)));
  }

  /** The gradients of {@code wanted} at {@code in}, given the gradients of the outputs. */
  private static double[] gradients(Program p, boolean outputsAtHand, List<Integer> wanted, double[] in,
      double[] gradOut) {
    double[] out = evaluate(p, in);
    double[] slots = IntStream.range(0, in.length + out.length + gradOut.length)
        .mapToDouble(s -> s < in.length ? in[s]
            : s < in.length + out.length ? out[s - in.length] : gradOut[s - in.length - out.length])
        .toArray();
    Derivative.Selection selection = Derivative.of(p, outputsAtHand).select(wanted);
    return evaluate(selection.program(), selection.slots().stream().mapToDouble(s -> slots[s]).toArray());
  }

  /**
   * Against central differences, which are wrong by about 1e-9 here; constants of the rules are fp32, wrong by 6e-8.
   */
  private static void check(String name, Program p, double... in) {
    double[] gradOut = IntStream.range(0, p.outputs().size()).mapToDouble(k -> 1.3 - 0.7 * k).toArray();
    for (boolean outputsAtHand : new boolean[] {false, true}) {
      for (int i = 0; i < in.length; i++) {
        if (p.inputs().get(i) != Kind.FLOAT || !Derivative.of(p, outputsAtHand).reaches(i)) {
          continue;
        }
        double h = 1e-5;
        double[] up = in.clone();
        double[] down = in.clone();
        up[i] += h;
        down[i] -= h;
        double[] above = evaluate(p, up);
        double[] below = evaluate(p, down);
        double expected = 0;
        for (int k = 0; k < above.length; k++) {
          expected += p.outputKind(k) == Kind.FLOAT ? gradOut[k] * (above[k] - below[k]) / (2 * h) : 0;
        }
        double got = gradients(p, outputsAtHand, List.of(i), in, gradOut)[0];
        assertThat(got).as("%s by input %d at %s, outputs at hand %s", name, i, Arrays.toString(in), outputsAtHand)
            .isCloseTo(expected,
                within(1e-6 * (1 + Math.abs(expected))));
      }
    }
  }

  @Test
  void everyOpcodeAgreesWithFiniteDifferences() {
    Map<String, Expr> unary = new LinkedHashMap<>();
    unary.put("neg", X.neg());
    unary.put("abs", X.abs());
    unary.put("exp", X.exp());
    unary.put("expm1", X.expm1());
    unary.put("tanh", X.tanh());
    unary.put("sigmoid", X.sigmoid());
    unary.put("erf", X.erf());
    unary.put("sin", X.sin());
    unary.put("cos", X.cos());
    unary.put("square", X.pow(2));
    unary.put("cube", X.pow(3));
    unary.put("relu", X.max(0));
    unary.put("min", X.min(0.1));
    unary.put("argument", X.mul(Expr.argument(0)).add(Expr.argument(1)));
    unary.put("round trip", X.add(X.floor()).add(X.toInt().toFloat()));
    unary.forEach((name, e) -> {
      for (double x : new double[] {-2.3, -0.4, 0.3, 1.7}) {
        check(name, Program.of(1, e), x);
      }
    });
    Map<String, Expr> positive = new LinkedHashMap<>();
    positive.put("sqrt", X.sqrt());
    positive.put("log", X.log());
    positive.put("log1p", X.log1p());
    positive.put("root", X.pow(1.0 / 3));
    positive.put("inverse", X.pow(-1));
    positive.forEach((name, e) -> {
      for (double x : new double[] {0.2, 1, 5.5}) {
        check(name, Program.of(1, e), x);
      }
    });
    Map<String, Expr> binary = new LinkedHashMap<>();
    binary.put("add", X.add(Y));
    binary.put("sub", X.sub(Y));
    binary.put("mul", X.mul(Y));
    binary.put("div", X.div(Y));
    binary.put("max", X.max(Y));
    binary.put("min", X.min(Y));
    binary.put("less", X.less(Y).where(X.mul(2), Y.mul(3)));
    binary.put("equal", X.equal(Y).where(X, X.mul(Y)));
    binary.forEach((name, e) -> {
      check(name, Program.of(2, e), 0.7, -1.9);
      check(name, Program.of(2, e), -2.5, 0.6);
    });
    check("pow", Program.of(2, X.pow(Y)), 2.3, 1.7);
    check("pow", Program.of(2, X.pow(Y)), 0.4, -2.2);
    for (double condition : new double[] {0, 1}) {
      check("where", Program.of(3, C.where(X.mul(X), Y.exp())), 0.7, -0.3, condition);
    }
  }

  @Test
  void chainsAndSeveralOutputsAgreeWithFiniteDifferences() {
    Expr gelu = X.mul(0.5).mul(X.mul(Math.sqrt(0.5)).erf().add(1));
    Expr shared = X.mul(Y).tanh();
    for (double x : new double[] {-1.4, 0.2, 2.2}) {
      check("gelu", Program.of(1, gelu), x);
      check("softplus", Program.of(1, X.max(0).add(X.abs().neg().exp().log1p())), x);
      check("shared", Program.of(2, shared.add(shared.mul(X)), shared), x, 0.6);
      check("output of an output", Program.of(2, X.sigmoid(), X.sigmoid().mul(Y)), x, 0.6);
      check("the same output twice", Program.of(1, X.exp(), X.exp()), x);
      check("with a comparison", Program.of(2, X.less(Y), X.mul(Y)), x, 0.6);
      check("an input passed on", Program.of(2, X, X.mul(Y)), x, 0.6);
    }
  }

  private static double at(Expr e, double x) {
    return gradients(Program.of(1, e), true, List.of(0), new double[] {x}, new double[] {1})[0];
  }

  @Test
  void tieRules() {
    assertThat(at(X.max(0), 0)).as("relu at 0").isZero();
    assertThat(at(Expr.constant(0).max(X), 0)).as("the second operand takes it").isEqualTo(1);
    assertThat(at(X.min(0), 0)).isZero();
    assertThat(at(Expr.constant(0).min(X), 0)).isEqualTo(1);
    assertThat(at(X.abs(), 0)).isZero();
    assertThat(at(X.abs(), -0.0)).isZero();
    double[] both = gradients(Program.of(2, X.max(Y)), true, List.of(0, 1), new double[] {3, 3}, new double[] {5});
    assertThat(both).containsExactly(0, 5);
    assertThat(gradients(Program.of(2, X.min(Y)), true, List.of(0, 1), new double[] {3, 3}, new double[] {5}))
        .containsExactly(0, 5);
  }

  @Test
  void powersAtTheirEdges() {
    assertThat(at(X.pow(2), 0)).isZero();
    assertThat(at(X.pow(3), 0)).isZero();
    assertThat(at(X.pow(3), -2)).isEqualTo(12);
    assertThat(at(X.pow(1), 0)).isEqualTo(1);
    Program p = Program.of(2, X.pow(Y));
    assertThat(gradients(p, true, List.of(0, 1), new double[] {0, 0}, new double[] {1})).containsExactly(0, 0);
    assertThat(gradients(p, true, List.of(0, 1), new double[] {-2, 3}, new double[] {1})).containsExactly(12, 0);
  }

  /** What is not chosen contributes 0, also when it is infinite or NaN. */
  @Test
  void branchesNotTakenPassNoGradient() {
    Program p = Program.of(1, X.less(0).where(Expr.constant(0), X.sqrt()));
    assertThat(gradients(p, true, List.of(0), new double[] {4}, new double[] {1})).containsExactly(0.25);
    assertThat(at(X.max(0), Double.NEGATIVE_INFINITY)).isZero();
  }

  private static List<Integer> slots(boolean outputsAtHand, int input, Expr e, int inputs) {
    return Derivative.of(Program.of(inputs, e), outputsAtHand).select(List.of(input)).slots();
  }

  @Test
  void outputsAreReadInsteadOfInputs() {
    for (Expr e : List.of(X.tanh(), X.sigmoid(), X.exp(), X.max(0), X.sqrt(), X.expm1())) {
      assertThat(slots(true, 0, e, 1)).as(e.op.toString()).containsExactly(1, 2);
      assertThat(slots(false, 0, e, 1)).as(e.op.toString()).containsExactly(0, 2);
    }
  }

  @Test
  void onlyWhatIsNeededIsRead() {
    assertThat(slots(true, 0, X.add(Y), 2)).containsExactly(3);
    assertThat(slots(true, 1, X.sub(Y), 2)).containsExactly(3);
    assertThat(slots(true, 0, X.mul(Y), 2)).containsExactly(1, 3);
    assertThat(slots(true, 1, X.mul(Y), 2)).containsExactly(0, 3);
    assertThat(slots(true, 0, X.mul(0.5), 1)).containsExactly(2);
    assertThat(slots(true, 0, X.log(), 1)).containsExactly(0, 2);
    assertThat(slots(true, 0, C.where(X, Y), 3)).containsExactly(2, 4);
    assertThat(slots(true, 1, X.div(Y), 2)).containsExactly(1, 2, 3);
  }

  @Test
  void oneProgramGivesSeveralGradients() {
    Derivative.Selection s = Derivative.of(Program.of(2, X.mul(Y)), true).select(List.of(1, 0));
    assertThat(s.slots()).containsExactly(0, 1, 3);
    assertThat(evaluate(s.program(), 2, 7, 10)).containsExactly(20, 70);
  }

  @Test
  void nothingFlowsThroughStepsAndIntegers() {
    Derivative d = Derivative.of(Program.of(2, X.floor().add(Y).add(X.less(0).toFloat())), true);
    assertThat(d.reaches(0)).isFalse();
    assertThat(d.reaches(1)).isTrue();
    assertThatThrownBy(() -> d.select(List.of(1, 0))).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no gradient flows to input 0");
    assertThat(Derivative.of(Program.of(1, Expr.input(0, Kind.INT).add(1)), true).reaches(0)).isFalse();
    assertThat(Derivative.of(Program.of(2, X), true).reaches(1)).as("an input that is not read").isFalse();
  }

  /** Dropout's mask is drawn again in its gradient and not kept. */
  @Test
  void randomNumbersAreDrawnAgain() {
    Program dropout = Program.of(2, Expr.random(Expr.input(1, Kind.INT), 4).less(0.7).where(X, Expr.constant(0)));
    Derivative.Selection s = Derivative.of(dropout, true).select(List.of(0));
    assertThat(s.slots()).as("the counter and the gradient").containsExactly(1, 3);
    assertThat(s.program().code().stream().filter(i -> i.op() == Opcode.RANDOM).map(Program.Instruction::index))
        .containsExactly(4);
  }

  @Test
  void derivativesAreRemembered() {
    assertThat(Derivative.of(Program.of(1, X.tanh()), true))
        .isSameAs(Derivative.of(Program.of(1, Expr.input(0).tanh()), true));
  }
}
