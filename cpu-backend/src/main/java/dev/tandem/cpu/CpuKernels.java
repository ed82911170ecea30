package dev.tandem.cpu;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.Replay;
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
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs operations on the processor. A call is first prepared (operands checked, addresses and strides taken, a kernel chosen), then
 * run; a replay keeps the prepared ones.
 */
final class CpuKernels implements Backend {
  /** Elements of a model's parameters that tell of matrix products worth making ready for. */
  private static final int LARGE = 1 << 16;

  private final Team team;

  /** @param threads how many share the work of an operation, at least 1 */
  CpuKernels(int threads) {
    team = new Team(threads);
    if (Lanes.AVAILABLE) {
      WarmUpThread.begin();
    }
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String describe() {
    return System.getProperty("os.arch") + " processor, " + team.size()
        + (team.size() == 1 ? " thread, " : " threads, ")
        + Lanes.describe()
        + (Memory.CHECKED ? ", every memory access checked" : "");
  }

  @Override
  public Storage allocate(DType dtype, long elements) {
    if (!supports(dtype)) {
      throw new IllegalArgumentException("cpu has no " + dtype);
    }
    if (elements >= LARGE) {
      Tiles.expectLargeProducts();
    }
    try {
      return new CpuStorage(dtype, elements);
    } catch (OutOfMemoryError | ArithmeticException e) {
      throw new OutOfDeviceMemoryException(
          elements * (double) dtype.bytes() / (1 << 20) + " MiB of native memory wanted: " + e);
    }
  }

  @Override
  public void write(Storage to, long at, MemorySegment from) {
    ((CpuStorage) to).slice(at, from.byteSize()).copyFrom(from);
  }

  @Override
  public void read(Storage from, long at, MemorySegment to) {
    to.copyFrom(((CpuStorage) from).slice(at, to.byteSize()));
  }

  @Override
  public boolean supports(Composite op) {
    return switch (op) {
      case SoftmaxCrossEntropy s -> true;
      case SoftmaxCrossEntropyGrad g -> true;
      case Recurrent r -> true;
      case RecurrentGrad g -> true;
      case Normalize n -> true;
      case NormalizeGrad g -> true;
    };
  }

  /** Without a gradient to come an LSTM writes neither gates nor cell states: only that would read them. */
  @Override
  public List<Spec> memory(Composite op, List<Spec> in, List<Spec> trailing, boolean recording) {
    return op instanceof Recurrent r && r.cell() == Recurrent.Cell.LSTM && !recording ? List.of() : trailing;
  }

  @Override
  public void execute(Call call) {
    prepare(call).run();
  }

  @Override
  public Replay prepare(List<Call> calls) {
    List<Runnable> prepared = new ArrayList<>();
    int i = 0;
    while (i < calls.size()) {
      Runnable pair = i + 1 < calls.size() ? pair(calls.get(i), calls.get(i + 1)) : null;
      prepared.add(pair == null ? prepare(calls.get(i)) : pair);
      i += pair == null ? 1 : 2;
    }
    return Replay.of(prepared);
  }

  private Runnable prepare(Call call) {
    check(call);
    return Memory.CHECKED ? CheckedCall.prepare(call, this::kernel) : kernel(call);
  }

  /** Two calls in one pass over memory; null if they are none that can be. */
  private @Nullable Runnable pair(Call first, Call second) {
    Call both = ReduceKernels.pair(first, second);
    if (both == null) {
      return null;
    }
    check(first);
    check(second);
    Runnable kernel = ReduceKernels.prepare((Pointwise) first.op(), both, team);
    List<Operand> written = List.of(first.out().getFirst(), second.out().getFirst());
    return Memory.CHECKED ? CheckedCall.prepare(new Call(both.op(), first.in(), written, null), _ -> kernel) : kernel;
  }

  private void check(Call call) {
    call.in().forEach(CpuKernels::check);
    call.out().forEach(CpuKernels::check);
    checkScratch(call);
  }

  private Runnable kernel(Call call) {
    return switch (call.op()) {
      case Pointwise p -> PointwiseKernels.prepare(p, call, team);
      case Reduce r -> ReduceKernels.prepare(r, call, team);
      case MatMul m -> MatMulKernels.prepare(m, call, team);
      case Conv2d c -> ConvKernels.prepareForward(c.geometry(), call, team);
      case Conv2dGradInput c -> ConvKernels.prepareGradInput(c.geometry(), call, team);
      case Conv2dGradWeight c -> ConvKernels.prepareGradWeight(c.geometry(), call, team);
      case Pool2d p -> PoolKernels.prepareForward(p.geometry(), call, team);
      case Pool2dGrad p -> PoolKernels.prepareGrad(p.geometry(), call, team);
      case Gather g -> RowKernels.prepareGather(call, team);
      case ScatterAdd s -> RowKernels.prepareScatterAdd(call, team);
      case CumulativeSum c -> RowKernels.prepareCumulativeSum(c, call, team);
      case SoftmaxCrossEntropy s -> CrossEntropyKernels.prepareForward(call, team);
      case SoftmaxCrossEntropyGrad g -> CrossEntropyKernels.prepareGrad(call, team);
      case Recurrent r when r.cell() == Recurrent.Cell.LSTM -> LstmForward.prepare(r, call, team);
      case Recurrent r -> RecurrentForward.prepare(r, call, team);
      case RecurrentGrad g when g.forward().cell() == Recurrent.Cell.LSTM ->
          LstmBackward.prepare(g.forward(), call, team);
      case RecurrentGrad g -> RecurrentBackward.prepare(g.forward(), call, team);
      case Normalize n -> NormalizeKernels.prepareForward(n, call, team);
      case NormalizeGrad g -> NormalizeKernels.prepareGrad(g.forward(), call, team);
    };
  }

  /** The one bounds check of an operand: kernels work on raw addresses. */
  private static void check(Operand o) {
    if (!(o.storage() instanceof CpuStorage storage)) {
      throw new IllegalArgumentException(o + " is not in the memory of cpu");
    }
    if (storage.isReleased()) {
      throw new IllegalArgumentException(o + " is in memory that was released");
    }
    if (o.layout().end() > storage.elements()) {
      throw new IllegalArgumentException(o + " reaches beyond its storage of " + storage.elements() + " elements");
    }
  }

  private void checkScratch(Call call) {
    long wanted = scratch(call.op(), call.in(), call.out());
    if (wanted == 0) {
      return;
    }
    if (!(call.scratch() instanceof CpuStorage s) || s.isReleased() || s.elements() * s.dtype().bytes() < wanted) {
      throw new IllegalArgumentException(
          call.op().name() + " wants " + wanted + " bytes of scratch memory, not " + call.scratch());
    }
  }

  /** Most kernels use the workspace of their thread; the caller owns what is needed between two parts of one operation. */
  @Override
  public long scratch(Op op, List<Operand> in, List<Operand> out) {
    return switch (op) {
      case Recurrent r when r.cell() == Recurrent.Cell.LSTM -> LstmForward.scratch(r, in);
      case Recurrent r -> RecurrentForward.scratch(r, in);
      case RecurrentGrad g when g.forward().cell() == Recurrent.Cell.LSTM -> LstmBackward.scratch(g.forward(), in);
      case RecurrentGrad g -> RecurrentBackward.scratch(g.forward(), in);
      case Normalize n -> NormalizeKernels.scratch(n, in);
      case NormalizeGrad g -> NormalizeKernels.scratch(g.forward(), in);
      default -> 0;
    };
  }

  /** Images are channels-last: convolutions read them so, and pooling is five times as fast. */
  @Override
  public Layout layout(Op op, List<Operand> in, Spec out) {
    return switch (op) {
      case Conv2d c -> channelsLast(out.shape());
      case Conv2dGradInput c -> channelsLast(out.shape());
      case Pool2d p -> isChannelsLast(in.get(0)) ? channelsLast(out.shape()) : Layout.contiguous(out.shape());
      // The image of an average pooling may be a stand-in without an order of its own, and the gradient may come from a
      // flattened image. One in the order of the image is what its neighbours in backward read in vectors.
      case Pool2dGrad p -> isChannelsLast(in.get(0)) || isChannelsLast(in.get(1)) ? channelsLast(out.shape())
          : Layout.contiguous(out.shape());
      case Normalize n -> like(in.get(0), out);
      case NormalizeGrad n -> like(in.get(0), out);
      default -> Layout.contiguous(out.shape());
    };
  }

  /** In the order of {@code x} if it has its shape. */
  private static Layout like(Operand x, Spec out) {
    Layout dense = out.shape().equals(x.shape()) ? x.layout().denseLikeThis() : null;
    return dense == null ? Layout.contiguous(out.shape()) : dense;
  }

  private static boolean isChannelsLast(Operand image) {
    return image.layout().stride(1) == 1 && image.shape().dim(1) > 1;
  }

  private static Layout channelsLast(Shape s) {
    long c = Math.max(1, s.dim(1));
    long w = Math.max(1, s.dim(3));
    long h = Math.max(1, s.dim(2));
    return Layout.of(s, new long[] {h * w * c, 1, w * c, c}, 0);
  }

  @Override
  public void synchronize() {
  }

  @Override
  public void close() {
    team.close();
  }
}
