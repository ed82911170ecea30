package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Op;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import java.util.Random;

/** Operations on a backend of one's own, with operands and results in host memory. */
final class HostRun {
  private HostRun() {
  }

  static HostArray normal(Random random, double scale, int... dims) {
    HostArray a = HostArray.zeros(DType.F32, dims);
    for (long i = 0; i < a.shape().size(); i++) {
      a.set(i, (float) (scale * random.nextGaussian()));
    }
    return a;
  }

  static Operand operand(Backend b, HostArray values) {
    return operand(b, values, Layout.contiguous(values.shape()));
  }

  /** @param layout of the values' shape, without gaps */
  static Operand operand(Backend b, HostArray values, Layout layout) {
    Operand o = new Operand(b.allocate(values.dtype(), values.shape().size()), layout);
    HostArray memory = HostArray.zeros(values.dtype(), values.shape().dims());
    for (long i = 0; i < values.shape().size(); i++) {
      memory.set(element(layout, i), values.get(i));
    }
    b.write(o.storage(), 0, memory.data());
    return o;
  }

  /** Where element {@code i}, row-major, lies. */
  private static long element(Layout layout, long i) {
    Shape shape = layout.shape();
    long at = layout.offset();
    for (int a = shape.rank() - 1; a >= 0; a--) {
      at += i % shape.dim(a) * layout.stride(a);
      i /= shape.dim(a);
    }
    return at;
  }

  /** Into fresh outputs as the backend likes them. */
  static List<Operand> run(Backend b, Op op, List<Operand> in) {
    List<Operand> out = op.outputs(in.stream().map(Operand::spec).toList()).stream()
        .map(s -> new Operand(b.allocate(s.dtype(), s.shape().size()), b.layout(op, in, s))).toList();
    long bytes = b.scratch(op, in, out);
    Storage scratch = bytes == 0 ? null : b.allocate(DType.U8, bytes);
    b.execute(new Call(op, in, out, scratch));
    return out;
  }

  static HostArray read(Backend b, Operand o) {
    HostArray memory = HostArray.zeros(o.dtype(), o.shape().dims());
    b.read(o.storage(), 0, memory.data());
    HostArray values = HostArray.zeros(o.dtype(), o.shape().dims());
    for (long i = 0; i < values.shape().size(); i++) {
      values.set(i, memory.get(element(o.layout(), i)));
    }
    return values;
  }

  static void assertSame(String what, List<HostArray> got, List<HostArray> want) {
    assertThat(got).hasSameSizeAs(want);
    for (int k = 0; k < want.size(); k++) {
      assertThat(got.get(k).data().mismatch(want.get(k).data())).as("%s: first byte of value %d that differs", what, k)
          .isEqualTo(-1);
    }
  }

  /** Every element within {@code error} times one and the largest of its array. */
  static void assertClose(String what, List<HostArray> got, List<HostArray> want, double error) {
    assertThat(got).hasSameSizeAs(want);
    for (int k = 0; k < want.size(); k++) {
      HostArray w = want.get(k);
      double largest = 0;
      for (long i = 0; i < w.shape().size(); i++) {
        largest = Math.max(largest, Math.abs(w.get(i)));
      }
      for (long i = 0; i < w.shape().size(); i++) {
        if (!(Math.abs(got.get(k).get(i) - w.get(i)) <= error * (1 + largest))) {
          assertThat(got.get(k).get(i)).as("%s: value %d at %d", what, k, i)
              .isCloseTo(w.get(i), within(error * (1 + largest)));
        }
      }
    }
  }
}
