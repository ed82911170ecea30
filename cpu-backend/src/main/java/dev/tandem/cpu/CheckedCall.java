package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** A prepared operation of the checked mode: while it runs, its operands may be touched; its errors say which it was. */
final class CheckedCall implements Runnable {
  private final Call call;
  private final Runnable kernel;

  private record Opened(Allocation in, Object window) {}

  private CheckedCall(Call call, Runnable kernel) {
    this.call = call;
    this.kernel = kernel;
  }

  static Runnable prepare(Call call, Function<Call, Runnable> kernels) {
    try {
      return new CheckedCall(call, kernels.apply(call));
    } catch (MemoryAccessException e) {
      throw e.in(call);
    }
  }

  @Override
  public void run() {
    List<Opened> opened = new ArrayList<>();
    try {
      call.in().forEach(o -> open(o, false, opened));
      call.out().forEach(o -> open(o, true, opened));
      if (call.scratch() instanceof CpuStorage s) {
        Allocation a = Allocations.at(s.address());
        a.poison();
        opened.add(new Opened(a, a.open(s.address(), s.address() + s.elements() * s.dtype().bytes(), true)));
      }
      kernel.run();
    } catch (MemoryAccessException e) {
      throw e.in(call);
    } finally {
      opened.forEach(o -> o.in.close(o.window));
    }
  }

  private static void open(Operand o, boolean written, List<Opened> opened) {
    if (o.shape().size() == 0) {
      return;
    }
    long address = ((CpuStorage) o.storage()).address();
    Allocation a = Allocations.at(address);
    long bytes = o.dtype().bytes();
    opened
        .add(new Opened(a, a.open(address + o.layout().offset() * bytes, address + o.layout().end() * bytes, written)));
  }
}
