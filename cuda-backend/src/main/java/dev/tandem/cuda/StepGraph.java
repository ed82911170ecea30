package dev.tandem.cuda;

import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.Replay;
import java.lang.ref.Cleaner;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;
import org.slf4j.LoggerFactory;

/** The calls of a step as one CUDA graph, which a single call of the driver launches. */
final class StepGraph implements Replay {
  /** {@code CU_STREAM_CAPTURE_MODE_THREAD_LOCAL}: what other threads do on other devices does not disturb a capture. */
  private static final int THREAD_LOCAL = 1;
  private static final Cleaner CLEANER = Cleaner.create();

  private final CudaContext context;
  private final CallList calls;
  private final boolean checksIndices;
  private final Executable executable;

  /** What the driver launches. Must not hold the graph's calls. */
  private static final class Executable {
    final CUgraphExec handle = new CUgraphExec();
    long nodes;
  }

  /** The graphs of a device that are not destroyed yet. */
  private static final class Open implements AutoCloseable {
    private final CudaContext context;
    private final Set<Executable> all = Collections.newSetFromMap(new IdentityHashMap<>());
    /** Of graphs that were dropped without being closed: the cleaner's thread does not own the device. */
    private final Queue<Executable> dropped = new ConcurrentLinkedQueue<>();

    Open(CudaContext context) {
      this.context = context;
    }

    static Open of(CudaContext context) {
      return context.handle(Open.class, Open::new);
    }

    /** A launch that is still under way goes on to its end. */
    void destroy(Executable e) {
      if (all.remove(e)) {
        context.check(JCudaDriver.cuGraphExecDestroy(e.handle), "cuGraphExecDestroy");
      }
    }

    void destroyDropped() {
      for (Executable e = dropped.poll(); e != null; e = dropped.poll()) {
        destroy(e);
      }
    }

    @Override
    public void close() {
      Set.copyOf(all).forEach(this::destroy);
    }
  }

  private StepGraph(CudaContext context, CallList calls, boolean checksIndices, Executable executable) {
    this.context = context;
    this.calls = calls;
    this.checksIndices = checksIndices;
    this.executable = executable;
  }

  /** A graph of {@code calls}, or where they cannot be captured, the calls themselves with the reason. */
  static Replay of(CudaContext context, CallList calls) {
    if (CudaContext.SYNCHRONOUS) {
      return calls.notCaptured("-Dtandem.cuda.sync=true waits after each");
    }
    try {
      return capture(context, calls);
    } catch (CudaException | OutOfDeviceMemoryException e) {
      // Throws if the device has failed altogether.
      context.enter();
      String why = String.valueOf(e.getMessage());
      LoggerFactory.getLogger(StepGraph.class).warn("A step of {} calls is replayed without a CUDA graph: {}",
          calls.size(), why);
      return calls.notCaptured(why);
    }
  }

  /**
   * Captures {@code calls} from the device's stream without running them. Each must have been run before, so that kernels are loaded
   * and libraries have what they need.
   *
   * @throws CudaException if a call does what may not be captured, such as waiting for the device; the device can be used on
   */
  private static StepGraph capture(CudaContext context, CallList calls) {
    Open open = Open.of(context);
    open.destroyDropped();
    IndexErrors errors = context.indexErrors();
    CUgraph graph = new CUgraph();
    context.check(JCudaDriver.cuStreamBeginCapture(context.stream(), THREAD_LOCAL), "cuStreamBeginCapture");
    boolean checksIndices;
    try {
      checksIndices = errors.expects(calls::run);
    } catch (RuntimeException | Error e) {
      // The stream goes on capturing until it is told to stop, whatever it says to that.
      if (JCudaDriver.cuStreamEndCapture(context.stream(), graph) == 0) {
        JCudaDriver.cuGraphDestroy(graph);
      }
      throw e;
    }
    context.check(JCudaDriver.cuStreamEndCapture(context.stream(), graph), "cuStreamEndCapture");
    Executable executable = new Executable();
    try {
      long[] nodes = new long[1];
      context.check(JCudaDriver.cuGraphGetNodes(graph, null, nodes), "cuGraphGetNodes");
      executable.nodes = nodes[0];
      context.check(JCudaDriver.cuGraphInstantiate(executable.handle, graph, 0), "cuGraphInstantiate");
      open.all.add(executable);
    } finally {
      context.check(JCudaDriver.cuGraphDestroy(graph), "cuGraphDestroy");
    }
    StepGraph step = new StepGraph(context, calls, checksIndices, executable);
    CLEANER.register(step, () -> open.dropped.add(executable));
    context.check(JCudaDriver.cuGraphUpload(executable.handle, context.stream()), "cuGraphUpload");
    return step;
  }

  @Override
  public void run() {
    context.enter();
    if (checksIndices) {
      context.indexErrors().expect();
    }
    context.named(() -> "a step of " + calls.size() + " calls replayed as one CUDA graph", () -> {
      context.check(JCudaDriver.cuGraphLaunch(executable.handle, context.stream()), "cuGraphLaunch");
      return null;
    });
  }

  @Override
  public String describe() {
    return "one CUDA graph of " + executable.nodes + " nodes";
  }

  @Override
  public void close() {
    if (context.isAlive()) {
      context.enter();
      Open.of(context).destroy(executable);
    }
  }
}
