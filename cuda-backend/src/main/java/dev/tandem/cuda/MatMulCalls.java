package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products through cuBLAS. Whether a matrix lies by rows or by columns is read from its strides; one that lies neither way is
 * copied. cuBLAS thinks in columns, so a product stored by rows is computed as its transpose.
 */
final class MatMulCalls {
  private MatMulCalls() {
  }

  static Prepared prepare(MatMul op, Call call, CudaContext context) {
    Operand a = call.in().get(0);
    Operand b = call.in().get(1);
    Operand c = call.out().get(0);
    if (c.shape().size() == 0) {
      return Prepared.nothing();
    }
    if (a.shape().dim(-1) == 0) {
      return op.accumulate() ? Prepared.nothing() : Prepared.of(StridedCopy.zeros(context, c));
    }
    Staging staging = new Staging(context);
    Staging.Place left = staging.input(a, readable(a.layout()));
    Staging.Place right = staging.input(b, readable(b.layout()));
    Staging.Place product = staging.output(c, readable(c.layout()), op.accumulate());
    Product plan = Product.of(left.layout(), right.layout(), product.layout());
    Cublas cublas = Cublas.of(context);
    Arithmetic arithmetic = Arithmetic.of(op, c.dtype());
    return staging.around(base -> plan.run(cublas, arithmetic, left.address(base), right.address(base),
        product.address(base), op.accumulate()));
  }

  /** The layout itself if cuBLAS can take it, else a dense one that repeats the same batches. */
  private static Layout readable(Layout l) {
    int rank = l.shape().rank();
    if (Stored.of(l.shape().dim(-2), l.shape().dim(-1), l.stride(-2), l.stride(-1)) != null) {
      return l;
    }
    long[] strides = new long[rank];
    long next = 1;
    for (int i = rank - 1; i >= 0; i--) {
      boolean repeated = i < rank - 2 && l.stride(i) == 0;
      strides[i] = repeated ? 0 : next;
      next *= repeated ? 1 : l.shape().dim(i);
    }
    return Layout.of(l.shape(), strides, 0);
  }

  /** How a matrix lies: by rows or by columns, {@code ld} elements from one to the next. */
  private record Stored(boolean byRows, int ld) {
    /** Null if it lies neither way. */
    static @Nullable Stored of(long rows, long columns, long rowStride, long columnStride) {
      Long ld = ld(rows, columns, rowStride, columnStride);
      if (ld != null) {
        return new Stored(true, Math.toIntExact(ld));
      }
      ld = ld(columns, rows, columnStride, rowStride);
      return ld == null ? null : new Stored(false, Math.toIntExact(ld));
    }

    private static @Nullable Long ld(long lines, long length, long lineStride, long stride) {
      long ld = lines <= 1 ? length : lineStride;
      return (length <= 1 || stride == 1) && ld >= length && ld <= Integer.MAX_VALUE ? ld : null;
    }
  }

  /** Axis of a batch, with the three operands' strides. */
  private record BatchAxis(int size, long a, long b, long c) {
  }

  /** A product as cuBLAS runs it: one axis of the batch inside the library, a call for each element of the others. */
  private record Product(int m, int n, int k, Stored a, Stored b, Stored c, List<BatchAxis> outer, BatchAxis inner) {
    static Product of(Layout a, Layout b, Layout c) {
      Shape shape = c.shape();
      Walk walk = Walk.of(shape, IntStream.range(0, shape.rank() - 2).boxed().toList(), List.of(a, b, c), true);
      List<BatchAxis> batch = new ArrayList<>();
      for (int i = 0; i < walk.rank(); i++) {
        batch.add(new BatchAxis(Math.toIntExact(walk.dims()[i]), walk.strides()[0][i], walk.strides()[1][i],
            walk.strides()[2][i]));
      }
      int n = shape.dim(-1);
      int k = a.shape().dim(-1);
      Product folded = fold(shape.dim(-2), n, k, a, b, c, batch);
      Product product = folded != null ? folded
          : matrices(shape.dim(-2), n, k, a.stride(-2), a.stride(-1), b, c.stride(-2), c.stride(-1), batch);
      if (product == null) {
        throw new IllegalStateException("operands " + a + ", " + b + " and " + c + " fit no product");
      }
      return product;
    }

    /**
     * Rows of a batch that lie as if they were further rows of one matrix, all multiplied with the same second matrix: one large
     * product instead of many small ones.
     */
    private static @Nullable Product fold(int m, int n, int k, Layout a, Layout b, Layout c, List<BatchAxis> batch) {
      BatchAxis last = batch.getLast();
      long rowA = m == 1 ? last.a : a.stride(-2);
      long rowC = m == 1 ? last.c : c.stride(-2);
      boolean fits =
          last.b == 0 && last.a == m * rowA && last.c == m * rowC && (long) m * last.size <= Integer.MAX_VALUE;
      return fits ? matrices(m * last.size, n, k, rowA, a.stride(-1), b, rowC, c.stride(-1),
          batch.subList(0, batch.size() - 1)) : null;
    }

    private static @Nullable Product matrices(int m, int n, int k, long rowA, long columnA, Layout b, long rowC,
        long columnC, List<BatchAxis> batch) {
      Stored first = Stored.of(m, k, rowA, columnA);
      Stored second = Stored.of(k, n, b.stride(-2), b.stride(-1));
      Stored product = Stored.of(m, n, rowC, columnC);
      if (first == null || second == null || product == null) {
        return null;
      }
      List<BatchAxis> outer = new ArrayList<>(batch);
      BatchAxis inner = outer.stream().max(Comparator.comparingInt(BatchAxis::size)).orElse(new BatchAxis(1, 0, 0, 0));
      outer.remove(inner);
      return new Product(m, n, k, first, second, product, List.copyOf(outer), inner);
    }

    void run(Cublas cublas, Arithmetic arithmetic, long addressA, long addressB, long addressC, boolean accumulate) {
      walk(cublas, arithmetic, 0, addressA, addressB, addressC, accumulate);
    }

    private void walk(Cublas cublas, Arithmetic arithmetic, int depth, long addressA, long addressB, long addressC,
        boolean accumulate) {
      if (depth < outer.size()) {
        BatchAxis axis = outer.get(depth);
        long bytes = arithmetic.type().bytes();
        for (long i = 0; i < axis.size; i++) {
          walk(cublas, arithmetic, depth + 1, addressA + i * axis.a * bytes, addressB + i * axis.b * bytes,
              addressC + i * axis.c * bytes, accumulate);
        }
        return;
      }
      // A matrix stored by rows is the transpose of the one cuBLAS reads there.
      Cublas.Matrix left = new Cublas.Matrix(addressA, a.byRows != c.byRows, a.ld, inner.a);
      Cublas.Matrix right = new Cublas.Matrix(addressB, b.byRows != c.byRows, b.ld, inner.b);
      Cublas.Matrix product = new Cublas.Matrix(addressC, false, c.ld, inner.c);
      if (c.byRows) {
        cublas.multiply(arithmetic, n, m, k, right, left, product, accumulate, inner.size);
      } else {
        cublas.multiply(arithmetic, m, n, k, left, right, product, accumulate, inner.size);
      }
    }
  }
}
