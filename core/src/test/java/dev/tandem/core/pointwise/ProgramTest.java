package dev.tandem.core.pointwise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgramTest {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);

  private static List<Opcode> opcodes(Program p) {
    return p.code().stream().map(Program.Instruction::op).toList();
  }

  @Test
  void equalSubexpressionsShareARegister() {
    Program p = Program.of(2, Expr.input(0).mul(Expr.input(1)).add(Expr.input(0).mul(Expr.input(1))));
    assertThat(opcodes(p)).containsExactly(Opcode.INPUT, Opcode.INPUT, Opcode.MUL, Opcode.ADD);
    assertThat(p.code().get(3)).isEqualTo(new Program.Instruction(Opcode.ADD, Kind.FLOAT, 2, 2, -1, 0, 0));
    assertThat(p.outputs()).containsExactly(3);
  }

  @Test
  void whatDiffersInAnythingHasItsOwnRegister() {
    Expr counter = Expr.input(1, Kind.INT);
    Program p = Program.of(2, X.add(2).mul(X.add(3)), Expr.random(counter, 0).sub(Expr.random(counter, 1)),
        Expr.argument(0).div(Expr.argument(1)));
    assertThat(opcodes(p)).containsExactly(Opcode.INPUT, Opcode.CONST, Opcode.ADD, Opcode.CONST, Opcode.ADD, Opcode.MUL,
        Opcode.INPUT,
        Opcode.RANDOM, Opcode.RANDOM, Opcode.SUB, Opcode.ARGUMENT, Opcode.ARGUMENT, Opcode.DIV);
    assertThat(p.outputs()).containsExactly(5, 9, 12);
    assertThat(opcodes(Program.of(0, Expr.constant(1), Expr.constant(1, Kind.INT), Expr.constant(1, Kind.BOOL))))
        .hasSize(3);
  }

  @Test
  void programsBuiltTwiceAreEqual() {
    Program p = Program.of(2, X.sub(Y).exp().mul(0.5), X.less(Y));
    Program q = Program.of(2, Expr.input(0).sub(Expr.input(1)).exp().mul(Expr.constant(0.5)),
        Expr.input(0).less(Expr.input(1)));
    assertThat(p).isEqualTo(q).hasSameHashCodeAs(q);
    assertThat(p).isNotEqualTo(Program.of(2, X.sub(Y).exp().mul(0.25), X.less(Y)));
    assertThat(p.outputKind(0)).isEqualTo(Kind.FLOAT);
    assertThat(p.outputKind(1)).isEqualTo(Kind.BOOL);
  }

  /** Hash-consing keeps a chain of doublings linear. */
  @Test
  void sharedExpressionsDoNotMultiply() {
    Expr e = X;
    for (int i = 0; i < 1000; i++) {
      e = e.add(e);
    }
    assertThat(Program.of(1, e).code()).hasSize(1001);
  }

  @Test
  void expressionsRoundTrip() {
    Program p = Program.of(2, X.mul(Y).add(X.mul(Y).tanh()).max(0.5));
    Expr last = p.expressions().get(p.outputs().get(0));
    assertThat(Program.of(2, last)).isEqualTo(p);
  }

  @Test
  void inputKindsComeFromUseOrAreFloat() {
    Program p = Program.of(3, Expr.input(1, Kind.INT).toFloat());
    assertThat(p.inputs()).containsExactly(Kind.FLOAT, Kind.INT, Kind.FLOAT);
    assertThat(Program.of(List.of(Kind.BOOL, Kind.INT), List.of(Expr.constant(1))).inputs()).containsExactly(Kind.BOOL,
        Kind.INT);
  }

  @Test
  void inputsOutOfRangeOrOfTwoKindsAreRefused() {
    assertThatThrownBy(() -> Program.of(2, Expr.input(2))).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the program has 2 inputs and reads number 2");
    assertThatThrownBy(() -> Program.of(1, X, Expr.input(0, Kind.INT))).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("input 0 is read as FLOAT and as INT");
    assertThatThrownBy(() -> Program.of(List.of(Kind.BOOL), List.of(X))).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("input 0 is read as BOOL and as FLOAT");
  }

  @Test
  void copiesAndRandomProgramsAreKnown() {
    assertThat(Program.IDENTITY.isIdentity()).isTrue();
    assertThat(Program.identity(Kind.INT).isIdentity()).isTrue();
    assertThat(Program.of(2, Y).isIdentity()).isFalse();
    assertThat(Program.of(2, Y).isCopy()).isTrue();
    assertThat(Program.of(1, X, X).isCopy()).isFalse();
    assertThat(Program.of(1, X.neg()).isCopy()).isFalse();
    assertThat(Program.of(1, Expr.constant(1)).isCopy()).isFalse();
    assertThat(Program.of(1, X).isRandom()).isFalse();
    assertThat(Program.of(1, Expr.random(Expr.input(0, Kind.INT), 0)).isRandom()).isTrue();
  }

  @Test
  void floatConstantsAreSinglePrecision() {
    assertThat(Program.of(0, Expr.constant(0.1)).code().get(0).value()).isEqualTo(0.1f);
    assertThat(Program.of(0, Expr.constant(16777217, Kind.INT)).code().get(0).value()).isEqualTo(16777217);
  }

  @Test
  void neutralOperationsVanish() {
    assertThat(
        List.of(X.add(0), X.sub(0), X.mul(1), X.div(1), Expr.constant(0).add(X), Expr.constant(1).mul(X), X.toFloat()))
        .allMatch(e -> e == X);
    assertThat(Expr.constant(0).sub(X)).isNotSameAs(X);
  }

  @Test
  void kindsThatDoNotFitAreRefused() {
    Expr i = Expr.input(1, Kind.INT);
    Expr b = Expr.input(2, Kind.BOOL);
    assertThatThrownBy(() -> X.add(i)).isInstanceOf(IllegalArgumentException.class).hasMessage("ADD of FLOAT and INT");
    assertThatThrownBy(() -> b.mul(b)).hasMessage("MUL of BOOL and BOOL");
    assertThatThrownBy(() -> i.div(i)).hasMessage("DIV of INT and INT; convert with toFloat()");
    assertThatThrownBy(i::exp).hasMessage("EXP of INT; convert with toFloat()");
    assertThatThrownBy(() -> b.less(b)).hasMessage("LESS of BOOL and BOOL");
    assertThatThrownBy(() -> X.where(X, X)).hasMessage("WHERE needs a BOOL condition, not FLOAT");
    assertThatThrownBy(() -> b.where(X, i)).hasMessage("WHERE between FLOAT and INT");
    assertThatThrownBy(b::neg).hasMessage("NEG of BOOL");
    assertThatThrownBy(() -> Expr.random(X, 0)).hasMessage("the counter of a random number must be an INT input");
    assertThatThrownBy(() -> Expr.random(i.add(1), 0))
        .hasMessage("the counter of a random number must be an INT input");
  }

  @Test
  void launchesAreValues() {
    assertThat(Launch.of(0.1, 3)).isEqualTo(new Launch(List.of(0.1, 3.0), 0)).isNotEqualTo(Launch.random(1));
    assertThat(Launch.of(0.1).floatArgument(0)).isEqualTo(0.1f);
    assertThat(Launch.of(-3.9).intArgument(0)).isEqualTo(-3);
  }

  @Test
  void theCacheForgetsWhatWasUsedLongestAgo() {
    BoundedCache<Integer, String> cache = new BoundedCache<>(2);
    String one = cache.get(1, k -> new String("one"));
    cache.get(2, k -> "two");
    assertThat(cache.get(1, k -> "again")).isSameAs(one);
    cache.get(3, k -> "three");
    assertThat(cache.size()).isEqualTo(2);
    assertThat(cache.get(1, k -> "again")).isSameAs(one);
    assertThat(cache.get(2, k -> "made anew")).isEqualTo("made anew");
  }
}
