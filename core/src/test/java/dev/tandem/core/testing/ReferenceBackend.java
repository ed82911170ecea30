package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;

/**
 * The oracle: every operation as the plainest loop that computes it, in double precision. F32 storages hold doubles
 * too, so that its rounding never hides or feigns an error of the backend it is compared with; {@link #read} rounds
 * to the element type. BF16 is rounded to nearest even where it is stored. TF32 is taken for exact: it allows operands
 * to be rounded and does not oblige to, and a backend that computes some shapes in fp32 is as right as one that does not.
 */
public final class ReferenceBackend implements Backend {
  private final Set<Class<? extends Composite>> claimed;

  /** Claims no composite: core decomposes them all. */
  public ReferenceBackend() {
    this(Set.of());
  }

  /** @param claimed composites that {@link #execute} takes */
  public ReferenceBackend(Set<Class<? extends Composite>> claimed) {
    this.claimed = Set.copyOf(claimed);
  }

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public String describe() {
    return "plain loops in double precision, for tests";
  }

  @Override
  public boolean supports(DType dtype) {
    return true;
  }

  @Override
  public boolean supports(Precision precision) {
    return true;
  }

  @Override
  public boolean supports(Composite op) {
    return claimed.contains(op.getClass());
  }

  @Override
  public Storage allocate(DType dtype, long elements) {
    return new Elements.Memory(dtype, new double[Math.toIntExact(elements)]);
  }

  @Override
  public void write(Storage to, long at, MemorySegment from) {
    HostArray source = host(to.dtype(), from);
    double[] values = ((Elements.Memory) to).values();
    for (int i = 0; i < source.shape().size(); i++) {
      values[(int) at + i] = source.get(i);
    }
  }

  @Override
  public void read(Storage from, long at, MemorySegment to) {
    HostArray target = host(from.dtype(), to);
    double[] values = ((Elements.Memory) from).values();
    for (int i = 0; i < target.shape().size(); i++) {
      target.set(i, values[(int) at + i]);
    }
  }

  private static HostArray host(DType dtype, MemorySegment data) {
    return HostArray.wrap(new Spec(Shape.of(Math.toIntExact(data.byteSize() / dtype.bytes())), dtype), data);
  }

  /** What a storage of this backend holds, not rounded; the array itself. */
  public static double[] values(Storage storage) {
    return ((Elements.Memory) storage).values();
  }

  @Override
  public void execute(Call call) {
    check(call);
    List<Elements> in = call.in().stream().map(Elements::of).toList();
    List<Elements> out = call.out().stream().map(Elements::of).toList();
    switch (call.op()) {
      case Pointwise p -> ReferencePointwise.run(p, in, out);
      case Reduce r -> ReferencePointwise.reduce(r, in, out.get(0));
      case MatMul m -> matMul(m, in.get(0), in.get(1), out.get(0));
      case Conv2d c -> ReferenceConvolution.forward(c.geometry(), in.get(0), in.get(1), out.get(0));
      case Conv2dGradInput c -> ReferenceConvolution.gradInput(c.geometry(), in.get(0), in.get(1), out.get(0));
      case Conv2dGradWeight c -> ReferenceConvolution.gradWeight(c.geometry(), in.get(0), in.get(1), out.get(0));
      case Pool2d p -> ReferenceConvolution.pool(p.geometry(), in.get(0), out.get(0));
      case Pool2dGrad p -> ReferenceConvolution.poolGrad(p.geometry(), in.get(0), in.get(1), out.get(0));
      case Gather g -> gather(in.get(0), in.get(1), out.get(0));
      case ScatterAdd s -> scatterAdd(in.get(0), in.get(1), out.get(0));
      case CumulativeSum c -> cumulativeSum(c, in.get(0), out.get(0));
      case SoftmaxCrossEntropy s -> crossEntropy(in.get(0), in.get(1), out.get(0), out.get(1));
      case SoftmaxCrossEntropyGrad g -> crossEntropyGrad(in.get(0), in.get(1), in.get(2), in.get(3), out.get(0));
      case Recurrent r -> ReferenceRecurrent.forward(r, in, out);
      case RecurrentGrad g -> ReferenceRecurrent.backward(g.forward(), in, out);
      case Normalize n -> ReferenceNormalize.forward(n, in, out);
      case NormalizeGrad g -> ReferenceNormalize.backward(g.forward(), in, out);
    }
  }

  /**
   * Stricter than a backend need be: a call that the executor could not have made is a bug of the test or of the
   * executor.
   */
  private void check(Call call) {
    if (call.op() instanceof Composite c && !supports(c)) {
      throw new IllegalArgumentException("this oracle does not claim " + c.name());
    }
    List<Spec> wanted = call.op().outputs(call.in().stream().map(Operand::spec).toList());
    List<Spec> got = call.out().stream().map(Operand::spec).toList();
    if (!wanted.equals(got)) {
      throw new IllegalArgumentException(call.op() + " makes " + wanted + ", not " + got);
    }
  }

  private static void matMul(MatMul op, Elements a, Elements b, Elements c) {
    int m = c.dim(-2);
    int n = c.dim(-1);
    int depth = a.dim(-1);
    for (long position = 0; position < c.size(); position++) {
      long row = position / n;
      long batch = row / m;
      double sum = op.accumulate() ? c.get(position) : 0;
      for (int k = 0; k < depth; k++) {
        sum += a.get(row * depth + k) * b.get((batch * depth + k) * n + position % n);
      }
      c.set(position, sum);
    }
  }

  private static void gather(Elements table, Elements indices, Elements out) {
    for (int i = 0; i < indices.size(); i++) {
      Elements from = table.row(index(indices, i, table.dim(0)));
      Elements to = out.row(i);
      for (int d = 0; d < from.size(); d++) {
        to.set(d, from.get(d));
      }
    }
  }

  private static void scatterAdd(Elements values, Elements indices, Elements out) {
    Elements sums = out.sums();
    for (int i = 0; i < indices.size(); i++) {
      Elements from = values.row(i);
      Elements to = sums.row(index(indices, i, out.dim(0)));
      for (int d = 0; d < from.size(); d++) {
        to.add(d, from.get(d));
      }
    }
    out.assign(sums);
  }

  private static int index(Elements indices, int position, int rows) {
    int index = (int) indices.get(position);
    if (index < 0 || index >= rows) {
      throw new IndexOutOfBoundsException(
          "index " + index + " at position " + position + " is outside the " + rows + " rows");
    }
    return index;
  }

  private static void cumulativeSum(CumulativeSum op, Elements x, Elements out) {
    int steps = x.dim(op.axis());
    // Row-major positions of neighbours along the axis differ by the number of elements behind it.
    long behind = 1;
    for (int i = op.axis() + 1; i < x.shape().rank(); i++) {
      behind *= x.dim(i);
    }
    for (long first = 0; first < x.size(); first++) {
      if (first / behind % steps == 0) {
        double sum = 0;
        for (int s = 0; s < steps; s++) {
          long position = first + (op.reverse() ? steps - 1 - s : s) * behind;
          sum += x.get(position);
          out.set(position, sum);
        }
      }
    }
  }

  private static void crossEntropy(Elements logits, Elements labels, Elements loss, Elements logSumExp) {
    int classes = logits.dim(1);
    for (int n = 0; n < labels.size(); n++) {
      Elements row = logits.row(n);
      double max = row.get(0);
      for (int c = 1; c < classes; c++) {
        max = Math.max(max, row.get(c));
      }
      double sum = 0;
      for (int c = 0; c < classes; c++) {
        sum += Math.exp(row.get(c) - max);
      }
      double total = Double.isInfinite(max) ? max : max + Math.log(sum);
      int label = (int) labels.get(n);
      loss.set(n, total - (label >= 0 && label < classes ? row.get(label) : 0));
      logSumExp.set(n, total);
    }
  }

  private static void crossEntropyGrad(Elements logits, Elements labels, Elements logSumExp, Elements gradLoss,
      Elements out) {
    for (int n = 0; n < labels.size(); n++) {
      for (int c = 0; c < logits.dim(1); c++) {
        double probability = Math.exp(logits.row(n).get(c) - logSumExp.get(n));
        out.row(n).set(c, gradLoss.get(n) * (probability - ((int) labels.get(n) == c ? 1 : 0)));
      }
    }
  }

  @Override
  public void synchronize() {
  }

  @Override
  public void close() {
  }
}
