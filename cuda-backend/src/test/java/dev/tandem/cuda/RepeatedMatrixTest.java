package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Batches that all meet one second matrix may become one product, but only where both of the others lie so. */
class RepeatedMatrixTest {
  private static final int BATCH = 3;
  private static final int K = 5;
  private static final int N = 6;

  private CudaBackend backend;

  @BeforeEach
  void open() {
    backend = Cuda.backend();
  }

  /** Small whole numbers, whose products and sums are exact. */
  private Operand counting(Layout layout) {
    int elements = Math.toIntExact(layout.end()) + 7;
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = i % 11 - 5f;
    }
    CudaStorage s = (CudaStorage) backend.allocate(DType.F32, elements);
    backend.write(s, 0, HostArray.of(values, elements).data());
    return new Operand(s, layout);
  }

  private HostArray read(Operand o) {
    HostArray host = HostArray.zeros(DType.F32, Math.toIntExact(o.storage().elements()));
    backend.read(o.storage(), 0, host.data());
    return host;
  }

  private static double at(HostArray host, Layout l, int b, int i, int j) {
    return host.get(l.offset() + b * l.stride(0) + i * l.stride(1) + j * l.stride(2));
  }

  private void multiplies(Layout a, Layout c) {
    Operand first = counting(a);
    Operand second = counting(Layout.contiguous(Shape.of(1, K, N)).expand(Shape.of(BATCH, K, N)));
    Operand product = counting(c);
    HostArray before = read(product);
    backend.execute(new Call(new MatMul(false), List.of(first, second), List.of(product), null));
    HostArray x = read(first);
    HostArray y = read(second);
    HostArray got = read(product);
    double changed = 0;
    for (int b = 0; b < BATCH; b++) {
      for (int i = 0; i < a.shape().dim(1); i++) {
        for (int j = 0; j < N; j++) {
          double sum = 0;
          for (int k = 0; k < K; k++) {
            sum += at(x, a, b, i, k) * at(y, second.layout(), b, k, j);
          }
          assertThat(at(got, c, b, i, j)).as("[%d, %d, %d] of %s times a matrix into %s", b, i, j, a, c).isEqualTo(sum);
          changed += sum - at(before, c, b, i, j);
        }
      }
    }
    double total = 0;
    for (int i = 0; i < got.shape().size(); i++) {
      total += got.get(i) - before.get(i);
    }
    assertThat(total).as("all change of the memory lies in %s", c).isEqualTo(changed);
  }

  private static Layout rows(int m, int columns) {
    return Layout.contiguous(Shape.of(BATCH, m, columns));
  }

  private static Layout gapBetweenBatches(int m, int columns) {
    return Layout.contiguous(Shape.of(BATCH, m + 2, columns)).slice(1, 1, m + 1, 1);
  }

  private static Layout columns(int m, int columns) {
    return Layout.contiguous(Shape.of(BATCH, columns, m)).permute(0, 2, 1);
  }

  @Test
  void oneProductWhereRowsGoOnInTheNextBatch() {
    multiplies(rows(4, K), rows(4, N));
    multiplies(rows(1, K), rows(1, N));
  }

  @Test
  void manyProductsWhereTheyDoNot() {
    for (int m : new int[] {1, 4}) {
      multiplies(rows(m, K), gapBetweenBatches(m, N));
      multiplies(gapBetweenBatches(m, K), rows(m, N));
      multiplies(gapBetweenBatches(m, K), gapBetweenBatches(m, N));
      multiplies(columns(m, K), rows(m, N));
      multiplies(rows(m, K), columns(m, N));
      multiplies(columns(m, K), columns(m, N));
    }
  }

  /** One matrix for all batches on either side. */
  @Test
  void aRepeatedFirstMatrix() {
    multiplies(Layout.contiguous(Shape.of(1, 4, K)).expand(Shape.of(BATCH, 4, K)), rows(4, N));
    multiplies(Layout.contiguous(Shape.of(1, 1, K)).expand(Shape.of(BATCH, 1, K)), rows(1, N));
  }
}
