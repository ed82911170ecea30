package dev.tandem.core.shape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HostArrayTest {
  @Test
  void elementsOfEveryTypeKeepTheirValue() {
    for (DType type : DType.values()) {
      HostArray a = HostArray.zeros(type, 2, 3);
      assertThat(a.toDoubles()).containsOnly(0);
      a.set(4, 1);
      assertThat(a.get(4)).as(type.toString()).isEqualTo(1);
      assertThat(a.toDoubles()).containsExactly(0, 0, 0, 0, 1, 0);
      assertThat(a.data().byteSize()).isEqualTo(6L * type.bytes());
    }
  }

  @Test
  void factoriesKeepTypeAndShape() {
    assertThat(HostArray.of(new float[] {1, 2}, 2).spec()).hasToString("F32[2]");
    assertThat(HostArray.of(new double[] {1, 2}, 1, 2).spec()).hasToString("F64[1, 2]");
    assertThat(HostArray.of(new int[] {1, 2}, 2, 1).spec()).hasToString("I32[2, 1]");
    assertThat(HostArray.of(new byte[] {(byte) 200}, 1).get(0)).isEqualTo(200);
    assertThat(HostArray.of(new boolean[] {true, false}, 2).toInts()).containsExactly(1, 0);
    assertThat(HostArray.of(new float[] {7}).shape()).isEqualTo(Shape.of());
  }

  @Test
  void wrappedArraysAreNotCopied() {
    float[] values = {1, 2};
    HostArray a = HostArray.of(values, 2);
    values[1] = 9;
    assertThat(a.get(1)).isEqualTo(9);
  }

  @Test
  void memoryOfTheWrongSizeIsRefused() {
    Spec spec = new Spec(Shape.of(3), DType.F32);
    assertThatThrownBy(() -> HostArray.wrap(spec, MemorySegment.ofArray(new float[2])))
        .isInstanceOf(ShapeException.class)
        .hasMessage("8 bytes of host memory for F32[3], which has 12");
  }

  @Test
  void integersTruncateAndBytesKeepTheLowBits() {
    HostArray i = HostArray.zeros(DType.I32, 2);
    i.set(0, -1.9);
    i.set(1, Integer.MAX_VALUE);
    assertThat(i.toInts()).containsExactly(-1, Integer.MAX_VALUE);
    HostArray u = HostArray.zeros(DType.U8, 2);
    u.set(0, 300);
    u.set(1, -1);
    assertThat(u.toInts()).containsExactly(44, 255);
    HostArray b = HostArray.zeros(DType.BOOL, 2);
    b.set(0, 0.5);
    assertThat(b.toInts()).containsExactly(1, 0);
  }

  @Test
  void floatsAreNotSilentlyMadeIntegers() {
    assertThatThrownBy(() -> HostArray.of(new float[] {1}, 1).toInts()).isInstanceOf(ShapeException.class)
        .hasMessage("integers wanted from F32[1]; convert it first");
  }

  @Test
  void conversionsToFloats() {
    assertThat(HostArray.of(new float[] {1.5f, 2}, 2).toFloats()).containsExactly(1.5f, 2);
    assertThat(HostArray.of(new int[] {16777217}, 1).toFloats()).containsExactly(16777216f);
    assertThat(HostArray.of(new double[] {0.1}, 1).toFloats()).containsExactly(0.1f);
    assertThat(HostArray.of(new double[] {0.1}, 1).toDoubles()).containsExactly(0.1);
  }

  @Test
  void bf16RoundsToNearestEven() {
    assertThat(bits(1f)).isEqualTo(0x3F80);
    assertThat(bits(1 + 0x1p-8f)).as("a tie, down to even").isEqualTo(0x3F80);
    assertThat(bits(1 + 3 * 0x1p-8f)).as("a tie, up to even").isEqualTo(0x3F82);
    assertThat(bits(1 + 0x1p-8f + 0x1p-23f)).as("above a tie").isEqualTo(0x3F81);
    assertThat(bits(Math.nextDown(1 + 3 * 0x1p-8f))).as("below a tie").isEqualTo(0x3F81);
    assertThat(bits(-0f)).isEqualTo(0x8000);
    assertThat(bits(Float.MAX_VALUE)).as("rounds up to infinity").isEqualTo(0x7F80);
    assertThat(bits(Float.NEGATIVE_INFINITY)).isEqualTo(0xFF80);
    assertThat(bits(Float.MIN_VALUE)).isZero();
  }

  private static int bits(float v) {
    return HostArray.toBf16(v) & 0xFFFF;
  }

  @Test
  void everyNanStaysNan() {
    for (int payload : new int[] {0x7F80_0001, 0x7FFF_FFFF, 0xFF80_0001, 0xFFFF_FFFF, 0x7FC0_0000}) {
      HostArray a = HostArray.zeros(DType.BF16, 1);
      a.set(0, Float.intBitsToFloat(payload));
      assertThat(a.get(0)).as(Integer.toHexString(payload)).isNaN();
    }
  }

  /** Among the two neighbours in bf16 none is nearer. */
  @Test
  void bf16IsTheNearest() {
    for (long seed = 0; seed < 20_000; seed++) {
      float v = Float.intBitsToFloat(new Random(seed).nextInt());
      if (Float.isNaN(v) || Math.abs(v) > 3e38f) {
        continue;
      }
      int got = bits(v);
      double distance = Math.abs(value(got) - (double) v);
      assertThat(distance).as("seed %d: %s", seed, v).isLessThanOrEqualTo(Math.abs(value(got + 1) - (double) v))
          .isLessThanOrEqualTo((got & 0x7FFF) == 0 ? Double.MAX_VALUE : Math.abs(value(got - 1) - (double) v));
    }
  }

  private static float value(int bf16) {
    return Float.intBitsToFloat(bf16 << 16);
  }
}
