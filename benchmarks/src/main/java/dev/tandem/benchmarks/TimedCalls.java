package dev.tandem.benchmarks;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.PendingRead;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A backend that does its work before a call returns, with a clock around every replayed call. */
final class TimedCalls implements Backend {
  private final Backend timed;
  private long nanos;
  private long calls;

  TimedCalls(Backend timed) {
    this.timed = timed;
  }

  /** Nanoseconds inside of replayed calls until now. */
  long nanos() {
    return nanos;
  }

  /** Replayed calls until now. */
  long calls() {
    return calls;
  }

  @Override
  public Replay prepare(List<Call> calls) {
    return Replay.of(calls.stream().map(c -> timed.prepare(List.of(c))).<Runnable>map(r -> () -> run(r)).toList());
  }

  private void run(Replay call) {
    long from = System.nanoTime();
    call.run();
    nanos += System.nanoTime() - from;
    calls++;
  }

  @Override
  public String name() {
    return timed.name();
  }

  @Override
  public String describe() {
    return timed.describe();
  }

  @Override
  public boolean supports(DType dtype) {
    return timed.supports(dtype);
  }

  @Override
  public boolean supports(Precision precision) {
    return timed.supports(precision);
  }

  @Override
  public Storage allocate(DType dtype, long elements) {
    return timed.allocate(dtype, elements);
  }

  @Override
  public void write(Storage to, long at, MemorySegment from) {
    timed.write(to, at, from);
  }

  @Override
  public void read(Storage from, long at, MemorySegment to) {
    timed.read(from, at, to);
  }

  @Override
  public PendingRead readLater(Storage from, long at, MemorySegment to) {
    return timed.readLater(from, at, to);
  }

  @Override
  public void execute(Call call) {
    timed.execute(call);
  }

  @Override
  public boolean supports(Composite op) {
    return timed.supports(op);
  }

  @Override
  public List<Spec> memory(Composite op, List<Spec> in, List<Spec> trailing, boolean recording) {
    return timed.memory(op, in, trailing, recording);
  }

  @Override
  public long scratch(Op op, List<Operand> in, List<Operand> out) {
    return timed.scratch(op, in, out);
  }

  @Override
  public Layout layout(Op op, List<Operand> in, Spec out) {
    return timed.layout(op, in, out);
  }

  @Override
  public void synchronize() {
    timed.synchronize();
  }

  @Override
  public void close() {
    timed.close();
  }
}
