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
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Runs operations on one NVIDIA GPU. Everything goes to one stream in the order it is given; only reads and
 * {@link #synchronize} wait for it. A call is first prepared (operands checked, addresses and strides taken, a kernel or a library's
 * plan chosen), then run; a replay keeps the prepared ones.
 */
public final class CudaBackend implements Backend {
  private final CudaContext context;
  private final Memory memory;

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
    context.run(call, () -> prepare(call).run());
  }

  @Override
  public Replay prepare(List<Call> calls) {
    context.enter();
    List<Call> fixed = List.copyOf(calls);
    Runnable[] prepared = fixed.stream().map(this::prepare).toArray(Runnable[]::new);
    return () -> {
      context.enter();
      for (int i = 0; i < prepared.length; i++) {
        context.run(fixed.get(i), prepared[i]);
      }
    };
  }

  private Runnable prepare(Call call) {
    call.in().forEach(CudaBackend::check);
    call.out().forEach(CudaBackend::check);
    return switch (call.op()) {
      case Pointwise p -> PointwiseCalls.prepare(p, call, context);
      case Reduce r -> ReduceCalls.prepare(r, call, context);
      case MatMul m -> MatMulCalls.prepare(m, call, context);
      case Conv2d c -> ConvolutionCalls.prepare(c, call, context);
      case Conv2dGradInput c -> ConvolutionCalls.prepare(c, call, context);
      case Conv2dGradWeight c -> ConvolutionCalls.prepare(c, call, context);
      case Pool2d p -> PoolCalls.prepare(p, call, context);
      case Pool2dGrad p -> PoolCalls.prepare(p, call, context);
      case Gather g -> RowCalls.prepare(g, call, context);
      case ScatterAdd s -> RowCalls.prepare(s, call, context);
      case CumulativeSum c -> RowCalls.prepare(c, call, context);
      case SoftmaxCrossEntropy s -> CrossEntropyCalls.prepare(s, call, context);
      case SoftmaxCrossEntropyGrad g -> CrossEntropyCalls.prepare(g, call, context);
      case Recurrent r -> RecurrentCalls.prepare(r, call, context);
      case RecurrentGrad g -> RecurrentCalls.prepare(g, call, context);
      case Normalize n -> NormalizeCalls.prepare(n, call, context);
      case NormalizeGrad g -> NormalizeCalls.prepare(g, call, context);
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
