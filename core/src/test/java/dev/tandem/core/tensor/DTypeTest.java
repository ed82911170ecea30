package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DTypeTest {
  private final Device device = new Device(new ReferenceBackend());

  private Tensor of(DType dtype, double... values) {
    HostArray host = HostArray.zeros(dtype, values.length);
    for (int i = 0; i < values.length; i++) {
      host.set(i, values[i]);
    }
    return Tensor.of(device, host);
  }

  /** What {@code to} promises: towards zero, saturating at 32 bits, the low eight of them, {@code != 0}; floats rounded to nearest. */
  private static double converted(double v, DType to) {
    return switch (to) {
      case F32 -> (float) v;
      case F64 -> v;
      case BF16 -> Float.intBitsToFloat(HostArray.toBf16((float) v) << 16);
      case I32 -> (int) v;
      case U8 -> (int) v & 0xFF;
      case BOOL -> v != 0 ? 1 : 0;
    };
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void convertsToEveryOtherType(DType from) {
    double[] values = switch (from) {
      case F32, F64, BF16 ->
          new double[] {0, -0.75, 1.5, 257.9, -3.2, 1e10, -1e10, Double.NaN, Double.POSITIVE_INFINITY};
      case I32 -> new double[] {0, 1, -1, 256, 300, 16777217, Integer.MAX_VALUE, Integer.MIN_VALUE};
      case U8 -> new double[] {0, 1, 128, 255};
      case BOOL -> new double[] {0, 1};
    };
    Tensor x = of(from, values);
    double[] stored = x.toHost().toDoubles();
    for (DType to : DType.values()) {
      Tensor y = x.to(to);
      assertThat(y.dtype()).isEqualTo(to);
      double[] expected = Arrays.stream(stored).map(v -> converted(v, to)).toArray();
      assertThat(y.toHost().toDoubles()).as("%s to %s", from, to).isEqualTo(expected);
    }
    assertThat(x.to(from)).isSameAs(x);
  }

  @Test
  void bfloatsRoundToNearestEvenAfterEveryOperation() {
    Tensor x = of(DType.F32, 1, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-16, 1 + 3 * 0x1p-8, -(1 + 0x1p-8), 3.4e38);
    assertThat(x.to(DType.BF16).toHost().toDoubles())
        .containsExactly(1, 1, 1 + 0x1p-7, 1 + 0x1p-6, -1, Double.POSITIVE_INFINITY);
    Tensor one = of(DType.BF16, 1);
    assertThat(one.add(0x1p-8).item()).isEqualTo(1);
    assertThat(one.add(0x1p-7).item()).isEqualTo(1.0078125f);
  }

  @Test
  void bytesKeepTheirLowEightBits() {
    assertThat(of(DType.I32, 256, 257, -1, 511).to(DType.U8).toIntArray()).containsExactly(0, 1, 255, 255);
    Tensor bytes = of(DType.U8, 200, 100);
    assertThat(bytes.add(bytes).dtype()).isEqualTo(DType.I32);
    assertThat(bytes.add(bytes).toIntArray()).containsExactly(400, 200);
    assertThat(bytes.sub(of(DType.I32, 201, 1)).toIntArray()).containsExactly(-1, 99);
  }

  @Test
  void floatTypesMixAndGiveTheWidest() {
    List<DType> narrowFirst = List.of(DType.BF16, DType.F32, DType.F64);
    for (int a = 0; a < 3; a++) {
      for (int b = 0; b < 3; b++) {
        Tensor x = of(narrowFirst.get(a), 1.5);
        Tensor y = of(narrowFirst.get(b), 2);
        DType widest = narrowFirst.get(Math.max(a, b));
        for (Tensor r : List.of(x.add(y), x.div(y), x.maximum(y), Tensor.where(of(DType.BOOL, 1), x, y))) {
          assertThat(r.dtype()).as(x + " and " + y).isEqualTo(widest);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"BF16", "F32", "F64"})
  void numbersAndFunctionsKeepTheFloatType(DType dtype) {
    Tensor x = of(dtype, 0.5, 2);
    List<UnaryOperator<Tensor>> functions =
        List.of(t -> t.add(1), t -> t.sub(1), t -> t.mul(2), t -> t.div(2), t -> t.subtractFrom(1),
            t -> t.pow(2), t -> t.clamp(0, 1), Tensor::neg, Tensor::abs, Tensor::exp, Tensor::square,
            t -> t.pad(0, 1, 1, 0.5));
    for (UnaryOperator<Tensor> f : functions) {
      assertThat(f.apply(x).dtype()).isEqualTo(dtype);
    }
  }

  @Test
  void doublesAreNotRoundedOnTheWay() {
    Tensor third = of(DType.F64, 1.0 / 3);
    assertThat(third.add(third).itemAsDouble()).isEqualTo(2.0 / 3);
    assertThat(third.sum().itemAsDouble()).isEqualTo(1.0 / 3);
    assertThat(third.exp().itemAsDouble()).isEqualTo(Math.exp(1.0 / 3));
  }

  @Test
  void integersBeyondTheFloatsPrecisionAreExact() {
    Tensor x = of(DType.I32, 16777217, 16777216);
    assertThat(x.equalTo(16777216).toIntArray()).containsExactly(0, 1);
    assertThat(x.max().toIntArray()).containsExactly(16777217);
    assertThat(x.argmax(0).item()).isZero();
    assertThat(x.reshape(2, 1).transpose(0, 1).contiguous().toIntArray()).containsExactly(16777217, 16777216);
  }

  @Test
  void kindsDoNotMix() {
    Tensor floats = of(DType.F32, 1);
    Tensor integers = of(DType.I32, 1);
    Tensor truths = of(DType.BOOL, 1);
    List<BiFunction<Tensor, Tensor, Tensor>> arithmetic =
        List.of(Tensor::add, Tensor::sub, Tensor::mul, Tensor::div, Tensor::maximum, Tensor::less, Tensor::equalTo);
    for (BiFunction<Tensor, Tensor, Tensor> op : arithmetic) {
      for (List<Tensor> pair : List.of(List.of(floats, integers), List.of(integers, floats), List.of(floats, truths),
          List.of(truths, floats),
          List.of(integers, truths))) {
        assertThatThrownBy(() -> op.apply(pair.get(0), pair.get(1))).isInstanceOf(ShapeException.class);
      }
    }
    assertThatThrownBy(() -> floats.add(integers))
        .hasMessage("add of [F32[1], I32[1]] on reference: operand 1 is I32 where a"
            + " floating-point tensor is wanted; convert with to(DType.F32)");
    assertThatThrownBy(() -> Tensor.where(truths, integers, floats)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.where(integers, floats, floats)).isInstanceOf(ShapeException.class);
  }

  @Test
  void functionsOfFloatsRefuseIntegersAndLogicRefusesNumbers() {
    Tensor integers = of(DType.I32, 1);
    for (UnaryOperator<Tensor> f : List.<UnaryOperator<Tensor>>of(Tensor::exp, Tensor::sqrt, Tensor::sigmoid,
        Tensor::square, t -> t.pow(2),
        t -> t.clamp(0, 1), t -> t.div(1), t -> t.mean(), t -> t.softmax(0), Tensor::not, t -> t.and(t),
        t -> t.or(t))) {
      assertThatThrownBy(() -> f.apply(integers)).isInstanceOf(ShapeException.class);
    }
    assertThatThrownBy(() -> of(DType.BOOL, 1).neg()).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> of(DType.BOOL, 1).add(1)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> integers.not()).isInstanceOf(ShapeException.class).hasMessageEndingWith(
        "operand 0 is I32 where a BOOL tensor is wanted; compare, or convert with to(DType.BOOL)");
  }

  @Test
  void sumsOfBfloatsAreF32() {
    Tensor x = of(DType.BF16, 256, 1).expand(2);
    assertThat(x.sum().dtype()).isEqualTo(DType.F32);
    assertThat(x.sum().item()).isEqualTo(257);
  }
}
