package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HostTest {
  private final Device device = new Device(new ReferenceBackend());

  private static HostArray values(DType dtype, long seed, int... dims) {
    SplittableRandom random = new SplittableRandom(seed);
    HostArray host = HostArray.zeros(dtype, dims);
    for (int i = 0; i < host.shape().size(); i++) {
      host.set(i, random.nextInt(0, 200));
    }
    return host;
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void valuesComeBackAsTheyWent(DType dtype) {
    HostArray host = values(dtype, 1, 2, 3, 2);
    Tensor t = Tensor.of(device, host);
    assertThat(t.spec()).isEqualTo(host.spec());
    assertThat(t.toHost().spec()).isEqualTo(host.spec());
    assertThat(t.toHost().toDoubles()).isEqualTo(host.toDoubles());
    assertThat(t.toArray()).isEqualTo(host.toFloats());
    assertThat(Tensor.of(device, HostArray.zeros(dtype, 0, 2)).toHost().toDoubles()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void stridedViewsAreReadInRowMajorOrder(DType dtype) {
    HostArray host = values(dtype, 2, 3, 4);
    Tensor view = Tensor.of(device, host).transpose(0, 1).slice(0, 1, 4, 2);
    double[] expected = new double[6];
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 3; j++) {
        expected[3 * i + j] = host.get(4 * j + 1 + 2 * i);
      }
    }
    assertThat(view.toHost().toDoubles()).isEqualTo(expected);
    assertThat(view.select(0, 1).select(0, 2).itemAsDouble()).isEqualTo(expected[5]);
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void writesThroughViewsChangeOnlyTheirElements(DType dtype) {
    HostArray before = values(dtype, 3, 3, 4);
    HostArray written = values(dtype, 4, 2, 3);
    Tensor t = Tensor.of(device, before);
    t.transpose(0, 1).slice(0, 1, 4, 2).write(written);
    double[] expected = before.toDoubles();
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 3; j++) {
        expected[4 * j + 1 + 2 * i] = written.get(3 * i + j);
      }
    }
    assertThat(t.toHost().toDoubles()).isEqualTo(expected);
    HostArray row = values(dtype, 5, 4);
    t.select(0, 1).write(row);
    System.arraycopy(row.toDoubles(), 0, expected, 4, 4);
    assertThat(t.toHost().toDoubles()).isEqualTo(expected);
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void assignCopiesBetweenAnyViews(DType dtype) {
    Tensor source = Tensor.of(device, values(dtype, 6, 4, 3));
    Tensor target = Tensor.of(device, values(dtype, 7, 3, 5));
    double[] expected = target.toHost().toDoubles();
    double[] from = source.toHost().toDoubles();
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 4; j++) {
        expected[5 * i + j + 1] = from[3 * j + i];
      }
    }
    target.slice(1, 1, 5).assign(source.transpose(0, 1));
    assertThat(target.toHost().toDoubles()).isEqualTo(expected);
    assertThat(source.toHost().toDoubles()).isEqualTo(from);
  }

  @Test
  void assignBetweenOverlappingViewsReadsWhatWasThereBefore() {
    Tensor square = Tensor.of(device, new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8}, 3, 3);
    square.assign(square.transpose(0, 1));
    assertThat(square.toArray()).containsExactly(0, 3, 6, 1, 4, 7, 2, 5, 8);
    Tensor line = Tensor.of(device, new float[] {0, 1, 2, 3, 4}, 5);
    line.slice(0, 1, 5).assign(line.slice(0, 0, 4));
    assertThat(line.toArray()).containsExactly(0, 0, 1, 2, 3);
    line.assign(line);
    assertThat(line.toArray()).containsExactly(0, 0, 1, 2, 3);
  }

  @Test
  void repeatedElementsCannotBeOverwritten() {
    Tensor row = Tensor.zeros(device, 1, 3);
    Tensor repeated = row.expand(2, 3);
    assertThatThrownBy(() -> repeated.assign(Tensor.ones(device, 2, 3))).isInstanceOf(ShapeException.class)
        .hasMessage("assign to F32[2, 3], an expanded view: its axis 0 is one element repeated");
    assertThatThrownBy(() -> repeated.write(new float[6])).isInstanceOf(ShapeException.class);
    assertThat(row.toArray()).containsOnly(0);
  }

  @Test
  void specsOfWrittenValuesMustAgree() {
    Tensor t = Tensor.zeros(device, 2, 3);
    assertThatThrownBy(() -> t.write(HostArray.zeros(DType.F32, 3, 2))).isInstanceOf(ShapeException.class)
        .hasMessage("host values F32[3, 2] written to F32[2, 3]");
    assertThatThrownBy(() -> t.write(HostArray.zeros(DType.F64, 2, 3))).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> t.assign(Tensor.zeros(device, 3, 2))).isInstanceOf(ShapeException.class)
        .hasMessage("assign of F32[3, 2] to F32[2, 3]");
    assertThatThrownBy(() -> t.assign(t.to(DType.BF16))).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Tensor.of(device, new float[5], 2, 3)).isInstanceOf(ShapeException.class);
  }

  @Test
  void oneElementIsAnItem() {
    assertThat(Tensor.full(device, 2.5).item()).isEqualTo(2.5f);
    assertThat(Tensor.full(device, 2.5, 1, 1).item()).isEqualTo(2.5f);
    assertThat(Tensor.of(device, HostArray.of(new double[] {1e-300})).itemAsDouble()).isEqualTo(1e-300);
    assertThat(Tensor.of(device, new int[] {7, 16777217}, 2).select(0, 1).itemAsDouble()).isEqualTo(16777217);
  }

  @Test
  void integersAreReadAsIntegersOnly() {
    assertThat(Tensor.of(device, new boolean[] {true, false}, 2).toIntArray()).containsExactly(1, 0);
    assertThat(Tensor.of(device, HostArray.of(new byte[] {-1}, 1)).toIntArray()).containsExactly(255);
    assertThatThrownBy(() -> Tensor.zeros(device, 1).toIntArray()).isInstanceOf(ShapeException.class)
        .hasMessage("integers wanted from F32[1]; convert it first");
  }

  @Test
  void hostValuesAreCopied() {
    float[] values = {1, 2};
    Tensor t = Tensor.of(device, values, 2);
    values[0] = 9;
    assertThat(t.toArray()).containsExactly(1, 2);
    float[] read = t.toArray();
    read[0] = 9;
    assertThat(t.toArray()).containsExactly(1, 2);
  }

  @Test
  void anotherDeviceGetsACopy() {
    Device other = new Device(new ReferenceBackend());
    Tensor t = Tensor.of(device, new int[] {1, 2, 3, 4}, 2, 2);
    Tensor moved = t.transpose(0, 1).to(other);
    assertThat(moved.device()).isSameAs(other);
    assertThat(moved.toIntArray()).containsExactly(1, 3, 2, 4);
    assertThat(t.to(device)).isSameAs(t);
  }

  @Test
  void aScalarCarriesWhatTheHostSets() {
    Scalar rate = new Scalar(device, 0.5);
    Tensor x = Tensor.ones(device, 2);
    assertThat(x.mul(rate.tensor()).toArray()).containsExactly(0.5f, 0.5f);
    rate.set(0.25);
    assertThat(rate.value()).isEqualTo(0.25);
    assertThat(x.mul(rate.tensor()).toArray()).containsExactly(0.25f, 0.25f);
    assertThat(rate.tensor().spec()).isEqualTo(new Spec(Shape.of(), DType.F32));
  }
}
