package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The comparison that the contract stands on notices what it should, and nothing else. */
class TrialTest {
  private static final Pointwise SUM = Pointwise.of("sum", Program.of(2, Expr.input(0).add(Expr.input(1))));

  /** A right backend, were it not for what {@code damage} does after each call. */
  private record Damaged(ReferenceBackend oracle, Consumer<Call> damage) implements Backend {
    Damaged(Consumer<Call> damage) {
      this(new ReferenceBackend(), damage);
    }

    @Override
    public String name() {
      return "damaged";
    }

    @Override
    public String describe() {
      return "a backend with a fault";
    }

    @Override
    public Storage allocate(DType dtype, long elements) {
      return oracle.allocate(dtype, elements);
    }

    @Override
    public void write(Storage to, long at, MemorySegment from) {
      oracle.write(to, at, from);
    }

    @Override
    public void read(Storage from, long at, MemorySegment to) {
      oracle.read(from, at, to);
    }

    @Override
    public void execute(Call call) {
      oracle.execute(call);
      damage.accept(call);
    }

    @Override
    public void synchronize() {
    }

    @Override
    public void close() {
    }
  }

  private static void add(Operand o, int address, double change) {
    ReferenceBackend.values(o.storage())[address] += change;
  }

  private static void sum(Consumer<Call> damage, Arrangement to) {
    try (Trial t = new Trial(new Damaged(damage), new ReferenceBackend(), 77)) {
      List<Trial.Slot> in =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 3, 4), t.slot(DType.F32, Arrangement.OFFSET, 4));
      t.pointwise(SUM, in, t.outputs(SUM, to, in));
    }
  }

  @Test
  void aRightBackendPasses() {
    for (Arrangement a : Arrangement.values()) {
      assertThatCode(() -> sum(c -> {
      }, a)).doesNotThrowAnyException();
    }
  }

  @Test
  void aWrongElementIsNamedWithEverythingThatLedToIt() {
    assertThatThrownBy(() -> sum(c -> add(c.out().get(0), 6, 1e-3), Arrangement.CONTIGUOUS))
        .isInstanceOf(AssertionError.class)
        .hasMessageContainingAll("damaged", "seed 77", "Pointwise sum", "ADD", "F32[3, 4]/[4, 1]+0", "F32[4]/[1]+5",
            "output 0 at [1, 2] is");
  }

  @Test
  void twoUnitsInTheLastPlaceAreToleratedAndFourAreNot() {
    Consumer<Call> half =
        c -> add(c.out().get(0), 6, 0.5 * Math.ulp((float) ReferenceBackend.values(c.out().get(0).storage())[6]));
    Consumer<Call> four =
        c -> add(c.out().get(0), 6, 4 * Math.ulp((float) ReferenceBackend.values(c.out().get(0).storage())[6]));
    assertThatCode(() -> sum(half, Arrangement.CONTIGUOUS)).doesNotThrowAnyException();
    assertThatThrownBy(() -> sum(four, Arrangement.CONTIGUOUS)).hasMessageContaining("at [1, 2]");
  }

  @Test
  void anElementOutsideTheViewIsNamed() {
    assertThatThrownBy(() -> sum(c -> add(c.out().get(0), 0, 1), Arrangement.SLICED))
        .hasMessageContaining("wrote element 0 of its storage");
    assertThatThrownBy(
        () -> sum(c -> add(c.out().get(0), (int) c.out().get(0).layout().end(), 1), Arrangement.CONTIGUOUS))
        .hasMessageContaining("wrote element 12 of its storage");
  }

  @Test
  void aChangedInputIsNamed() {
    assertThatThrownBy(() -> sum(c -> add(c.in().get(1), 5, 1), Arrangement.CONTIGUOUS))
        .hasMessageContaining("input 1 was changed");
  }

  @Test
  void nothingWhereNanBelongsIsNoticed() {
    Consumer<Call> zero = c -> Arrays.fill(ReferenceBackend.values(c.out().get(0).storage()), 0);
    try (Trial t = new Trial(new Damaged(zero), new ReferenceBackend(), 1)) {
      List<Trial.Slot> in = List.of(t.slot(DType.F32, new double[] {Double.NaN}, Arrangement.CONTIGUOUS, 1),
          t.slot(DType.F32, Arrangement.CONTIGUOUS, 1));
      assertThatThrownBy(() -> t.pointwise(SUM, in, t.outputs(SUM, Arrangement.CONTIGUOUS, in)))
          .hasMessageContaining("is 0.0, not NaN");
    }
  }

  @Test
  void aMissingTermOfAProductOrASumIsNoticed() {
    try (Trial t = new Trial(new Damaged(c -> {
      double[] in = ReferenceBackend.values(c.in().get(0).storage());
      boolean product = c.op() instanceof MatMul;
      add(c.out().get(0), 0, -in[0] * (product ? ReferenceBackend.values(c.in().get(1).storage())[0] : 1));
    }), new ReferenceBackend(), 2)) {
      List<Trial.Slot> matrices =
          List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 3, 500), t.slot(DType.F32, Arrangement.CONTIGUOUS, 500, 2));
      Trial.Slot product = t.outputs(new MatMul(false), Arrangement.CONTIGUOUS, matrices).get(0);
      assertThatThrownBy(() -> t.sums(new MatMul(false), matrices, product, 500)).hasMessageContaining("at [0, 0]");
      List<Trial.Slot> row = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 1000));
      Reduce sum = Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT);
      assertThatThrownBy(() -> t.reduce(sum, row, t.outputs(sum, Arrangement.CONTIGUOUS, row).get(0)))
          .hasMessageContaining("at [0]");
    }
  }

  /** A comparison that rounding decides says nothing, and is counted. */
  @Test
  void undecidedElementsAreCounted() {
    Expr x = Expr.input(0);
    Pointwise op =
        Pointwise.of("near", Program.of(1, x.mul(0.1).less(x.div(10)).where(Expr.constant(1), Expr.constant(-1))));
    try (Trial t = new Trial(new ReferenceBackend(), new ReferenceBackend(), 3)) {
      List<Trial.Slot> in = List.of(t.slot(DType.F32, Arrangement.CONTIGUOUS, 50));
      t.pointwise(op, in, t.outputs(op, Arrangement.CONTIGUOUS, in));
      assertThat(t.undecided()).isEqualTo(50);
      assertThat(t.compared()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource(Arrangement.class)
  void arrangementsGiveEachElementItsOwnAddress(Arrangement a) {
    for (int[] dims : new int[][] {{}, {0}, {1}, {7}, {3, 5}, {2, 3, 4}, {2, 3, 4, 5}, {2, 1, 3, 2, 4}, {3, 0, 2}}) {
      assertThat(a.of(Shape.of(dims)).shape()).isEqualTo(Shape.of(dims));
      assertThat(Positions.addresses(a.of(Shape.of(dims)))).doesNotHaveDuplicates();
    }
    boolean plain = a == Arrangement.CONTIGUOUS || a == Arrangement.OFFSET;
    assertThat(a.of(Shape.of(2, 3, 4, 5)).isContiguous()).isEqualTo(plain);
  }

  @Test
  void channelsLastHasChannelsInnermost() {
    assertThat(Arrangement.CHANNELS_LAST.of(Shape.of(2, 3, 4, 5))).hasToString("[2, 3, 4, 5]/[60, 1, 15, 3]+0");
    assertThat(Arrangement.COLUMN_MAJOR.of(Shape.of(2, 3, 4))).hasToString("[2, 3, 4]/[12, 1, 3]+0");
    assertThat(Arrangement.PADDED_ROWS.of(Shape.of(3, 4))).hasToString("[3, 4]/[7, 1]+1");
    assertThat(Arrangement.SLICED.of(Shape.of(3, 4))).hasToString("[3, 4]/[26, 3]+14");
  }
}
