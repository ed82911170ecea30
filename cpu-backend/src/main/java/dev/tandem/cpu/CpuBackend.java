package dev.tandem.cpu;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Op;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Runs operations on the processor, with kernels that read and write native memory by raw addresses. Each operand's bounds are
 * checked once an operation. With {@code -Dtandem.cpu.checked=true} every single access is checked as well, many times slower: an
 * access outside the operands of its operation is refused, and named by kernel, address and operation.
 */
public final class CpuBackend implements Backend {
  private final Backend kernels;

  /** With as many threads as {@code -Dtandem.threads} says, else as there are processors. */
  public CpuBackend() {
    this(Integer.getInteger("tandem.threads", Runtime.getRuntime().availableProcessors()));
  }

  /** @param threads how many share the work of an operation, at least 1 */
  public CpuBackend(int threads) {
    this(threads, Boolean.getBoolean("tandem.cpu.checked"));
  }

  CpuBackend(int threads, boolean checked) {
    if (threads < 1) {
      throw new IllegalArgumentException("a CPU backend needs at least one thread, not " + threads);
    }
    kernels = checked ? CheckedKernels.open(threads) : new CpuKernels(threads);
  }

  @Override
  public String name() {
    return kernels.name();
  }

  @Override
  public String describe() {
    return kernels.describe();
  }

  @Override
  public Storage allocate(DType dtype, long elements) {
    return kernels.allocate(dtype, elements);
  }

  @Override
  public void write(Storage to, long at, MemorySegment from) {
    kernels.write(to, at, from);
  }

  @Override
  public void read(Storage from, long at, MemorySegment to) {
    kernels.read(from, at, to);
  }

  @Override
  public boolean supports(Composite op) {
    return kernels.supports(op);
  }

  @Override
  public List<Spec> memory(Composite op, List<Spec> in, List<Spec> trailing, boolean recording) {
    return kernels.memory(op, in, trailing, recording);
  }

  @Override
  public void execute(Call call) {
    kernels.execute(call);
  }

  @Override
  public Replay prepare(List<Call> calls) {
    return kernels.prepare(calls);
  }

  @Override
  public long scratch(Op op, List<Operand> in, List<Operand> out) {
    return kernels.scratch(op, in, out);
  }

  @Override
  public Layout layout(Op op, List<Operand> in, Spec out) {
    return kernels.layout(op, in, out);
  }

  @Override
  public void synchronize() {
    kernels.synchronize();
  }

  @Override
  public void close() {
    kernels.close();
  }
}
