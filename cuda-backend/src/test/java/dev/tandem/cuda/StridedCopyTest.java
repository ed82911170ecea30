package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StridedCopyTest {
  private CudaBackend backend;
  private CudaContext context;

  @BeforeEach
  void open() {
    backend = Cuda.backend();
    context = new CudaContext(0);
  }

  @AfterEach
  void close() {
    context.close();
  }

  /** Storage that holds 1, 2, 3 and so on. */
  private CudaStorage counting(int elements) {
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = i + 1f;
    }
    CudaStorage s = (CudaStorage) backend.allocate(DType.F32, elements);
    backend.write(s, 0, HostArray.of(values, elements).data());
    backend.synchronize();
    return s;
  }

  private float[] read(CudaStorage s) {
    context.synchronize();
    HostArray host = HostArray.zeros(DType.F32, Math.toIntExact(s.elements()));
    backend.read(s, 0, host.data());
    float[] values = new float[Math.toIntExact(s.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) host.get(i);
    }
    return values;
  }

  /** Six axes in reverse order merge nowhere: two of them are walked by the host. */
  @Test
  void moreAxesThanTheKernelWalks() {
    Shape shape = Shape.of(2, 3, 2, 3, 2, 3);
    CudaStorage from = counting(216);
    CudaStorage to = counting(216);
    Layout reversed = Layout.contiguous(Shape.of(3, 2, 3, 2, 3, 2)).permute(5, 4, 3, 2, 1, 0);
    StridedCopy.of(context, reversed, Layout.contiguous(shape), DType.F32).run(from.address(), to.address());
    float[] expected = new float[216];
    for (int i = 0; i < expected.length; i++) {
      int rest = i;
      long at = 0;
      for (int axis = 5; axis >= 0; axis--) {
        at += rest % shape.dim(axis) * reversed.stride(axis);
        rest /= shape.dim(axis);
      }
      expected[i] = at + 1f;
    }
    assertThat(read(to)).containsExactly(expected);
  }

  @Test
  void zerosLeaveWhatLiesBetween() {
    CudaStorage to = counting(12);
    Layout columns = Layout.contiguous(Shape.of(3, 4)).slice(1, 1, 4, 2);
    StridedCopy.zeros(context, new Operand(to, columns)).run();
    assertThat(read(to)).containsExactly(1, 0, 3, 0, 5, 0, 7, 0, 9, 0, 11, 0);
  }

  /** An axis that the target repeats is written once, from the first element. */
  @Test
  void repeatedAxesOfTheTarget() {
    CudaStorage from = counting(6);
    CudaStorage to = counting(3);
    StridedCopy.of(context, Layout.contiguous(Shape.of(2, 3)), Layout.of(Shape.of(2, 3), new long[] {0, 1}, 0),
        DType.F32)
        .run(from.address() + 3L * Float.BYTES, to.address());
    assertThat(read(to)).containsExactly(4, 5, 6);
  }

  @Test
  void aReversedCopyIsBroughtBackInOrder() {
    CudaStorage from = counting(12);
    CudaStorage to = counting(24);
    float[] original = read(to);
    Operand source = new Operand(from, Layout.contiguous(Shape.of(2, 2, 3)).permute(1, 0, 2));
    Layout gaps = Layout.contiguous(Shape.of(2, 2, 6)).slice(2, 1, 6, 2);
    Operand target = new Operand(to, gaps);
    Staging staging = new Staging(context);
    Staging.Place in = staging.reversed(source, false);
    Staging.Place out = staging.reversed(target, true);
    StridedCopy through = StridedCopy.of(context, in.layout(), out.layout(), DType.F32);
    Prepared copies = staging.around(base -> through.run(in.address(base), out.address(base)));
    copies.work().accept(context.allocate(copies.scratch()));
    float[] expected = original.clone();
    for (int t = 0; t < 2; t++) {
      for (int n = 0; n < 2; n++) {
        for (int i = 0; i < 3; i++) {
          expected[(int) (gaps.offset() + t * gaps.stride(0) + n * gaps.stride(1) + i * gaps.stride(2))] =
              n * 6 + t * 3 + i + 1f;
        }
      }
    }
    assertThat(read(to)).containsExactly(expected);
  }

  @Test
  void operandsThatFitAreNotCopied() {
    Operand o = new Operand(counting(12), Layout.contiguous(Shape.of(12)).slice(0, 4, 10, 1));
    Staging.Place place = new Staging(context).input(o, Layout.contiguous(o.shape()));
    assertThat(place.address(1 << 20)).isEqualTo(context.address(o));
  }
}
