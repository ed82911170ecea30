package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products {@code [..., M, K] x [..., K, N] -> [..., M, N]} of operands in any strides. Each matrix is brought
 * into one of the forms that {@link Gemm} and {@link MatrixVector} take: a destination that lies column after column
 * makes the product the transposed one, and a matrix without a unit stride is copied first.
 */
final class MatMulKernels {
  /** Multiplications of one matrix from which on the team shares every matrix; smaller ones are dealt out whole. */
  private static final long LARGE = 1 << 24;
  /** And so many batches are dealt out whatever their size: no packing is waited for. */
  private static final int MANY = 64;

  private MatMulKernels() {
  }

  static Runnable prepare(MatMul op, Call call, Team team) {
    Operand a = call.in().get(0);
    Operand b = call.in().get(1);
    Operand c = call.out().get(0);
    Shape shape = c.shape();
    if (shape.size() == 0) {
      return () -> {
      };
    }
    int rank = shape.rank();
    int m = shape.dim(-2);
    int batchAxes = rank - 2;
    // Batches that share B and whose rows follow each other are one tall matrix: a linear layer on [batch, time,
    // features].
    while (batchAxes > 0 && follows(a.layout(), batchAxes - 1, m) && follows(c.layout(), batchAxes - 1, m)
        && (b.layout().stride(batchAxes - 1) == 0 || shape.dim(batchAxes - 1) == 1)
        && (long) m * shape.dim(batchAxes - 1) <= Integer.MAX_VALUE) {
      m *= shape.dim(batchAxes - 1);
      batchAxes--;
    }
    Matrix left = new Matrix(rowStride(a.layout(), batchAxes), 4 * a.layout().stride(-1));
    Matrix right = new Matrix(4 * b.layout().stride(-2), 4 * b.layout().stride(-1));
    Matrix out = new Matrix(rowStride(c.layout(), batchAxes), 4 * c.layout().stride(-1));
    Product product = Product.of(m, shape.dim(-1), a.shape().dim(-1), left, right, out, op.accumulate());
    int axes = batchAxes;
    int batches = 1;
    for (int i = 0; i < axes; i++) {
      batches = Math.multiplyExact(batches, shape.dim(i));
    }
    int count = batches;
    boolean dealt = count > 1 && (product.work() < LARGE || count >= MANY);
    int chunks = dealt ? Math.clamp(count * Math.max(1, product.work()) >> 18, 1, Math.min(count, 64)) : count;
    return () -> {
      if (dealt) {
        team.run(chunks, (worker, chunk) -> {
          int end = Gemm.cut(count, chunks, chunk + 1);
          for (int i = Gemm.cut(count, chunks, chunk); i < end; i++) {
            product.run(at(a, i, axes), at(b, i, axes), at(c, i, axes), null);
          }
        });
      } else {
        for (int i = 0; i < count; i++) {
          product.run(at(a, i, axes), at(b, i, axes), at(c, i, axes), team);
        }
      }
      // Only their addresses were used above.
      Reference.reachabilityFence(call);
    };
  }

  /**
   * Whether the next index of {@code axis} continues the {@code rows} rows that the later axes, already joined, are
   * made of.
   */
  private static boolean follows(Layout l, int axis, int rows) {
    return rows == 1 || l.shape().dim(axis) == 1 || l.stride(axis) == rows * rowStride(l, axis + 1) / 4;
  }

  /** Bytes between rows when the axes from {@code joined} to the rows' own are one. */
  private static long rowStride(Layout l, int joined) {
    int rows = l.shape().rank() - 2;
    for (int i = rows; i >= joined; i--) {
      if (l.shape().dim(i) != 1) {
        return 4 * l.stride(i);
      }
    }
    return 4 * l.stride(rows);
  }

  private static long at(Operand o, int batch, int axes) {
    Layout l = o.layout();
    long element = l.offset();
    int rest = batch;
    for (int i = axes - 1; i >= 0; i--) {
      element += rest % l.shape().dim(i) * l.stride(i);
      rest /= l.shape().dim(i);
    }
    return ((CpuStorage) o.storage()).address() + 4 * element;
  }

  /** Bytes between rows and between columns. */
  private record Matrix(long row, long column) {
    /** Whether rows lie dense; a row of one element always does. */
    boolean denseRows(int columns) {
      return column == 4 || columns == 1;
    }

    boolean denseColumns(int rows) {
      return row == 4 || rows == 1;
    }

    Matrix transposed() {
      return new Matrix(column, row);
    }
  }

  /** One matrix product, with what has to be copied. */
  private record Product(int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean swapped, boolean copyA,
      boolean copyB, boolean copyC,
      boolean accumulate, @Nullable Gemm gemm, @Nullable MatrixVector vector) {

    static Product of(int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean accumulate) {
      if (!c.denseRows(n) && c.denseColumns(m)) {
        return of(n, m, k, b.transposed(), a.transposed(), c.transposed(), true, accumulate);
      }
      return of(m, n, k, a, b, c, false, accumulate);
    }

    private static Product of(int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean swapped, boolean accumulate) {
      boolean copyA = !a.denseRows(k) && !a.denseColumns(m);
      boolean copyB = !b.denseRows(n) && !b.denseColumns(k);
      boolean copyC = !c.denseRows(n);
      boolean aColumn = !copyA && !a.denseRows(k);
      boolean bColumn = !copyB && !b.denseRows(n);
      long lda = copyA ? 4L * k : aColumn ? a.column : a.row;
      long ldb = copyB ? 4L * n : bColumn ? b.column : b.row;
      long ldc = copyC ? 4L * n : c.row;
      boolean add = accumulate && !copyC;
      Gemm gemm = null;
      MatrixVector vector = null;
      if (m == 1) {
        vector = new MatrixVector(n, k, bColumn, ldb, aColumn ? lda : 4, 4, add);
      } else if (n == 1) {
        // y = A x is x^T A^T: rows of A are columns of its transpose. A matrix of one column counts as one of dense
        // rows.
        vector = new MatrixVector(m, k, !aColumn, lda, ldb, ldc, add);
      } else {
        gemm = new Gemm(m, n, k, aColumn, lda, bColumn, ldb, ldc, add);
      }
      return new Product(m, n, k, a, b, c, swapped, copyA, copyB, copyC, accumulate, gemm, vector);
    }

    long work() {
      return (long) m * n * k;
    }

    void run(long first, long second, long out, @Nullable Team team) {
      long from = swapped ? second : first;
      long by = swapped ? first : second;
      if (copyA) {
        long copy = Workspace.floats(Workspace.Slot.LEFT_COPY, (long) m * k);
        Panels.move(from, a.row, a.column, copy, 4L * k, 4, m, k, false);
        from = copy;
      }
      if (copyB) {
        long copy = Workspace.floats(Workspace.Slot.RIGHT_COPY, (long) k * n);
        Panels.move(by, b.row, b.column, copy, 4L * n, 4, k, n, false);
        by = copy;
      }
      long to = copyC ? Workspace.floats(Workspace.Slot.PRODUCT, (long) m * n) : out;
      if (gemm != null) {
        gemm.run(from, by, to, team);
      } else if (vector != null && m == 1) {
        vector.run(from, by, to, team);
      } else if (vector != null) {
        vector.run(by, from, to, team);
      }
      if (copyC) {
        Panels.move(to, 4L * n, 4, out, c.row, c.column, m, n, accumulate);
      }
    }
  }
}
