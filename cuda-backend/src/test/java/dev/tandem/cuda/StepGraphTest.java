package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.cuda.emulator.EmulatorCounts;
import java.lang.ref.WeakReference;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Prepared calls as a CUDA graph, and what happens where there can be none. */
class StepGraphTest {
  private static final Pointwise INCREMENT = Pointwise.of("increment", Program.of(1, Expr.input(0).add(1)));

  private CudaContext context;
  private CudaBackend backend;
  private CudaStorage x;

  @BeforeEach
  void open() {
    Cuda.backend();
    context = new CudaContext(0);
    backend = new CudaBackend(context);
    x = (CudaStorage) backend.allocate(DType.F32, 3);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private Call increment() {
    Operand all = new Operand(x, Layout.contiguous(Shape.of(3)));
    return new Call(INCREMENT, List.of(all), List.of(all), null);
  }

  private float value() {
    HostArray host = HostArray.zeros(DType.F32, 3);
    backend.read(x, 0, host.data());
    return (float) host.get(2);
  }

  @Test
  void nothingRunsUntilTheGraphIsLaunched() {
    backend.execute(increment());
    try (Replay replay = backend.prepare(List.of(increment(), increment()))) {
      assertThat(replay.describe()).isEqualTo("one CUDA graph of 2 nodes");
      assertThat(value()).isEqualTo(1);
      replay.run();
      replay.run();
      assertThat(value()).isEqualTo(5);
    }
  }

  /** Increments, with {@code violation} in the midst of it. */
  private Replay spoiled(Runnable violation) {
    backend.execute(increment());
    Runnable increment = () -> backend.execute(increment());
    return StepGraph.of(context, new CallList(context, List.of(new CallList.Ready(increment(), increment),
        new CallList.Ready(increment(), violation), new CallList.Ready(increment(), increment))));
  }

  private void fallsBack(Runnable violation, String... reasons) {
    float before = value();
    try (Replay replay = spoiled(violation)) {
      assertThat(replay.describe()).startsWith("3 calls, not captured: ").contains(reasons);
      assertThat(value()).as("after a capture that failed").isEqualTo(before + 1);
      replay.run();
      assertThat(value()).isEqualTo(before + 3);
    }
    try (Replay replay = backend.prepare(List.of(increment()))) {
      assertThat(replay.describe()).as("the next list").startsWith("one CUDA graph");
    }
  }

  @Test
  void aWaitInTheListKeepsItFromBeingCaptured() {
    fallsBack(context::synchronize, "cuStreamSynchronize", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "in increment");
  }

  @Test
  void anAllocationInTheListKeepsItFromBeingCaptured() {
    fallsBack(() -> context.release(context.allocate(64)), "cuMemAlloc", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
  }

  @Test
  void aCopyThatWaitsKeepsItFromBeingCaptured() {
    float[] host = new float[3];
    fallsBack(() -> context.check(JCudaDriver.cuMemcpyDtoH(Pointer.to(host), new Address(x.address()), 12),
        "cuMemcpyDtoH"), "cuMemcpyDtoH");
  }

  /** A status that nobody looks at is seen at the end. */
  @Test
  void aHiddenWaitKeepsItFromBeingCaptured() {
    fallsBack(() -> JCudaDriver.cuStreamSynchronize(context.stream()), "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
  }

  @Test
  void workOnTheDefaultStreamKeepsItFromBeingCaptured() {
    Cuda.emulator();
    CUstream byDefault = new CUstream();
    fallsBack(() -> context.check(JCudaDriver.cuMemsetD8Async(new Address(x.address() + 4), (byte) 0, 4, byDefault),
        "cuMemsetD8Async"), "cuMemsetD8Async", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
  }

  /** What is no fault of CUDA's is not hidden, but the stream no longer captures. */
  @Test
  void anErrorOfOursIsThrown() {
    assertThatThrownBy(() -> spoiled(() -> {
      throw new IllegalStateException("planted");
    })).isInstanceOf(IllegalStateException.class).hasMessage("planted");
    backend.execute(increment());
    assertThat(value()).isEqualTo(2);
  }

  @Test
  void aGraphKeepsTheMemoryItWorksOn() {
    backend.execute(increment());
    Replay replay = backend.prepare(List.of(increment()));
    WeakReference<CudaStorage> memory = new WeakReference<>(x);
    float before = value();
    x = null;
    System.gc();
    assertThat(memory.get()).isNotNull();
    x = memory.get();
    replay.run();
    assertThat(value()).isEqualTo(before + 1);
    replay.close();
  }

  @Test
  void graphsAreDestroyedWhenClosedDroppedOrWithTheirDevice() throws InterruptedException {
    EmulatorCounts counts = new EmulatorCounts(Cuda.emulator());
    backend.execute(increment());
    long destroyed = counts.calls("cuGraphExecDestroy");
    Replay closed = backend.prepare(List.of(increment()));
    closed.close();
    closed.close();
    assertThat(counts.calls("cuGraphExecDestroy") - destroyed).as("closed, twice").isEqualTo(1);

    WeakReference<Replay> dropped = new WeakReference<>(backend.prepare(List.of(increment())));
    Replay kept = backend.prepare(List.of(increment()));
    // Each round destroys one graph of its own.
    long others = 1;
    while (counts.calls("cuGraphExecDestroy") - destroyed - others == 0 && others < 1000) {
      System.gc();
      Thread.sleep(10);
      backend.prepare(List.of()).close();
      others++;
    }
    assertThat(counts.calls("cuGraphExecDestroy") - destroyed - others).as("dropped").isEqualTo(1);
    assertThat(dropped.get()).isNull();
    kept.run();
    context.synchronize();
    long before = counts.calls("cuGraphExecDestroy");
    backend.close();
    assertThat(counts.calls("cuGraphExecDestroy") - before).as("with the device").isEqualTo(1);
    assertThatThrownBy(kept::run).isInstanceOf(CudaException.class).hasMessageContaining("was closed");
    kept.close();
  }

  @Test
  void indicesOutOfRangeAreReportedAfterAReplay() {
    CudaStorage index = (CudaStorage) backend.allocate(DType.I32, 2);
    CudaStorage rows = (CudaStorage) backend.allocate(DType.F32, 2);
    Call gather = new Call(new Gather(),
        List.of(new Operand(x, Layout.contiguous(Shape.of(3, 1))), new Operand(index, Layout.contiguous(Shape.of(2)))),
        List.of(new Operand(rows, Layout.contiguous(Shape.of(2, 1)))), null);
    backend.execute(gather);
    backend.synchronize();
    try (Replay replay = backend.prepare(List.of(increment(), gather))) {
      replay.run();
      backend.synchronize();
      backend.write(index, 0, HostArray.of(new int[] {1, 7}, 2).data());
      replay.run();
      assertThatThrownBy(this::value).isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("index 7");
      backend.write(index, 0, HostArray.of(new int[] {1, 2}, 2).data());
      replay.run();
      assertThat(value()).isEqualTo(3);
    }
  }
}
