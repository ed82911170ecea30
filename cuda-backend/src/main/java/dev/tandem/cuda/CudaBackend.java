package dev.tandem.cuda;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
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
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs operations on one NVIDIA GPU. Everything goes to one stream in the order it is given; only reads and
 * {@link #synchronize} wait for it. A call is first prepared (operands checked, addresses and strides taken, a kernel or a library's
 * plan chosen), then run; a replay keeps the prepared ones.
 */
public final class CudaBackend implements Backend {
  private final CudaContext context;
  private final Memory memory;
  private @Nullable Next next;

  /** A call without its scratch memory, prepared to know how much that is. */
  private record Next(Call call, Prepared prepared) {
    boolean is(Call other) {
      return call.op() == other.op() && call.in().equals(other.in()) && call.out().equals(other.out());
    }
  }

  CudaBackend(CudaContext context) {
    this.context = context;
    memory = new Memory(context);
  }

  @Override
  public String name() {
    return "cuda:" + context.ordinal();
  }

  @Override
  public String describe() {
    return Description.of(context);
  }

  /** Tensor cores multiply TF32 and BF16 from compute capability 8.0 on. */
  @Override
  public boolean supports(Precision precision) {
    return context.precisions().contains(precision);
  }

  @Override
  public Layout layout(Op op, List<Operand> in, Spec out) {
    return Layouts.of(op, in, out);
  }

  @Override
  public Storage allocate(DType dtype, long elements) {
    if (!supports(dtype)) {
      throw new IllegalArgumentException(name() + " has no " + dtype);
    }
    context.enter();
    return memory.allocate(dtype, elements);
  }

  @Override
  public void write(Storage to, long at, MemorySegment from) {
    context.enter();
    memory.write((CudaStorage) to, at, from);
  }

  @Override
  public void read(Storage from, long at, MemorySegment to) {
    context.enter();
    memory.read((CudaStorage) from, at, to);
    context.raiseIndexErrors();
  }

  @Override
  public boolean supports(Composite op) {
    return switch (op) {
      case SoftmaxCrossEntropy s -> true;
      case SoftmaxCrossEntropyGrad g -> true;
      case Recurrent r -> true;
      case RecurrentGrad g -> true;
      case Normalize n -> NormalizeCalls.supports(n);
      case NormalizeGrad g -> NormalizeCalls.supports(g);
    };
  }

  /** Prepares the call to know it; {@link #execute}, which most likely comes next, uses that. */
  @Override
  public long scratch(Op op, List<Operand> in, List<Operand> out) {
    context.enter();
    Call call = new Call(op, in, out, null);
    Prepared prepared = context.named(call, () -> prepare(call));
    next = new Next(call, prepared);
    return prepared.scratch();
  }

  @Override
  public List<Spec> memory(Composite op, List<Spec> in, List<Spec> trailing, boolean recording) {
    if (!(op instanceof Recurrent r)) {
      return trailing;
    }
    context.enter();
    return RecurrentCalls.memory(r, in, trailing, recording, context);
  }

  @Override
  public void execute(Call call) {
    context.enter();
    Next known = next;
    next = null;
    context.run(call, () -> {
      Prepared prepared = known != null && known.is(call) ? known.prepared : prepare(call);
      prepared.work().accept(scratch(call, prepared));
    });
  }

  /** One CUDA graph, or where the calls cannot be captured, the calls one by one. */
  @Override
  public Replay prepare(List<Call> calls) {
    context.enter();
    List<CallList.Ready> ready = new ArrayList<>();
    for (Call call : calls) {
      Prepared prepared = context.named(call, () -> prepare(call));
      long scratch = scratch(call, prepared);
      ready.add(new CallList.Ready(call, () -> prepared.work().accept(scratch)));
    }
    return StepGraph.of(context, new CallList(context, ready));
  }

  /** The address of the call's scratch memory; 0 when it needs none. */
  private static long scratch(Call call, Prepared prepared) {
    if (prepared.scratch() == 0) {
      return 0;
    }
    if (!(call.scratch() instanceof CudaStorage s) || s.elements() * s.dtype().bytes() < prepared.scratch()) {
      throw new IllegalArgumentException(call.op().name() + " wants " + prepared.scratch()
          + " bytes of scratch memory, as Backend.scratch says, and was given " + call.scratch());
    }
    return s.address();
  }

  private Prepared prepare(Call call) {
    call.in().forEach(CudaBackend::check);
    call.out().forEach(CudaBackend::check);
    return switch (call.op()) {
      case Pointwise p -> Prepared.of(PointwiseCalls.prepare(p, call, context));
      case Reduce r -> ReduceCalls.prepare(r, call, context);
      case MatMul m -> MatMulCalls.prepare(m, call, context);
      case Conv2d c -> ConvolutionCalls.prepare(c, call, context);
      case Conv2dGradInput c -> ConvolutionCalls.prepare(c, call, context);
      case Conv2dGradWeight c -> ConvolutionCalls.prepare(c, call, context);
      case Pool2d p -> Prepared.of(PoolCalls.prepare(p, call, context));
      case Pool2dGrad p -> Prepared.of(PoolCalls.prepare(p, call, context));
      case Gather g -> Prepared.of(RowCalls.prepare(g, call, context));
      case ScatterAdd s -> ScatterCalls.prepare(s, call, context);
      case CumulativeSum c -> ScanCalls.prepare(c, call, context);
      case SoftmaxCrossEntropy s -> Prepared.of(CrossEntropyCalls.prepare(s, call, context));
      case SoftmaxCrossEntropyGrad g -> Prepared.of(CrossEntropyCalls.prepare(g, call, context));
      case Recurrent r -> RecurrentCalls.prepare(r, call, context);
      case RecurrentGrad g -> RecurrentCalls.prepare(g, call, context);
      case Normalize n -> Prepared.of(NormalizeCalls.prepare(n, call, context));
      case NormalizeGrad g -> Prepared.of(NormalizeCalls.prepare(g, call, context));
    };
  }

  /** The one bounds check of an operand: kernels work on raw addresses. */
  private static void check(Operand o) {
    if (o.layout().end() > o.storage().elements()) {
      throw new IllegalArgumentException(o + " reaches beyond its storage of " + o.storage().elements() + " elements");
    }
  }

  @Override
  public void synchronize() {
    context.enter();
    context.synchronize();
    context.raiseIndexErrors();
  }

  @Override
  public void close() {
    memory.close();
    context.close();
  }
}
