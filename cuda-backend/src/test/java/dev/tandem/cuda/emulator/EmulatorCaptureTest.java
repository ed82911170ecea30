package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.function;
import static dev.tandem.cuda.emulator.Emulator.launch;
import static dev.tandem.cuda.emulator.Emulator.module;
import static dev.tandem.cuda.emulator.Emulator.stream;
import static dev.tandem.cuda.emulator.Emulator.upload;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What CUDA forbids while a stream captures gives CUDA's statuses, 900 to 908. */
class EmulatorCaptureTest {
  private static final int GLOBAL = 0;
  private static final int THREAD_LOCAL = 1;
  private static final int RELAXED = 2;
  private CUstream stream = new CUstream();

  @BeforeEach
  void start() {
    Emulator.start();
    stream = stream();
  }

  private static CUfunction fill() {
    return function(module("extern \"C\" __global__ void fill(float* y, int i) { y[i] = 1.f; }"), "fill");
  }

  private static int begin(CUstream stream, int mode) {
    return JCudaDriver.cuStreamBeginCapture(stream, mode);
  }

  private static int end(CUstream stream) {
    return JCudaDriver.cuStreamEndCapture(stream, new CUgraph());
  }

  private static CUevent event() {
    CUevent event = new CUevent();
    check(JCudaDriver.cuEventCreate(event, 2));
    return event;
  }

  private static CUevent recorded(CUstream stream) {
    CUevent event = event();
    check(JCudaDriver.cuEventRecord(event, stream));
    return event;
  }

  @Test
  void anEndNeedsABeginAndABeginOnlyOnce() {
    assertThat(end(stream)).isEqualTo(401);
    check(begin(stream, THREAD_LOCAL));
    assertThat(begin(stream, THREAD_LOCAL)).isEqualTo(401);
    assertThat(begin(new CUstream(), THREAD_LOCAL)).as("the legacy stream").isEqualTo(900);
    check(end(stream));
  }

  @Test
  void anAllocationSpoilsACaptureUnlessItIsRelaxed() {
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(begin(stream, RELAXED));
    check(JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64));
    check(end(stream));
  }

  @Test
  void freeingSpoilsACapture() {
    CUdeviceptr memory = allocate(64);
    Pointer host = new Pointer();
    check(JCudaDriver.cuMemAllocHost(host, 64));
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuMemFree(memory)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuMemFreeHost(host)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(JCudaDriver.cuMemFree(memory));
    check(JCudaDriver.cuMemFreeHost(host));
  }

  @Test
  void aCopyThatWaitsSpoilsACapture() {
    CUdeviceptr x = upload(1);
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuMemcpyDtoH(Pointer.to(new float[1]), x, 4)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
  }

  @Test
  void workOnTheLegacyStreamSpoilsACapture() {
    CUfunction fill = fill();
    CUdeviceptr y = allocate(4);
    check(begin(stream, THREAD_LOCAL));
    assertThat(launch(fill, 1, 1, 0, null, y, 0)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
  }

  @Test
  void loadingAModuleSpoilsACapture() {
    byte[] image = Emulator.compile("extern \"C\" __global__ void nothing() {}");
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuModuleLoadData(new CUmodule(), image)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
  }

  /** Whatever the mode, and whoever waits: the device has a stream that can not be waited for. */
  @Test
  void aWaitForTheDeviceSpoilsEveryCapture() throws InterruptedException {
    check(begin(stream, RELAXED));
    assertThat(JCudaDriver.cuCtxSynchronize()).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(begin(stream, THREAD_LOCAL));
    assertThat(elsewhere(JCudaDriver::cuCtxSynchronize)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
  }

  private static int elsewhere(IntSupplier call) throws InterruptedException {
    int[] status = new int[1];
    Thread thread = new Thread(() -> status[0] = call.getAsInt());
    thread.start();
    thread.join();
    return status[0];
  }

  @Test
  void anotherThreadSpoilsOnlyAGlobalCapture() throws InterruptedException {
    check(begin(stream, THREAD_LOCAL));
    check(elsewhere(() -> JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64)));
    check(end(stream));
    check(begin(stream, GLOBAL));
    assertThat(elsewhere(() -> JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64))).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(begin(stream, GLOBAL));
    check(elsewhere(() -> {
      int[] mode = {THREAD_LOCAL};
      check(JCudaDriver.cuThreadExchangeStreamCaptureMode(mode));
      assertThat(mode).as("the mode before").containsExactly(GLOBAL);
      return JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64);
    }));
    check(end(stream));
  }

  /** CUDA ties the end of a capture to a thread, not the work in it. */
  @Test
  void anotherThreadMayAddWork() throws InterruptedException {
    CUfunction fill = fill();
    CUdeviceptr y = upload(0);
    check(begin(stream, THREAD_LOCAL));
    check(elsewhere(() -> launch(fill, 1, 1, 0, stream, y, 0)));
    CUgraphExec executable = executable(stream);
    assertThat(download(y, 1)).as("before the launch").containsExactly(0);
    check(JCudaDriver.cuGraphLaunch(executable, stream));
    assertThat(download(y, 1)).containsExactly(1);
  }

  @Test
  void waitsSpoilACapture() {
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuStreamSynchronize(stream)).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuCtxSynchronize()).isEqualTo(900);
    assertThat(end(stream)).isEqualTo(901);
  }

  @Test
  void theLegacyStreamMayNotWaitForACapture() {
    CUstream blocking = new CUstream();
    check(JCudaDriver.cuStreamCreate(blocking, 0));
    CUdeviceptr x = upload(1);
    check(begin(blocking, THREAD_LOCAL));
    assertThat(JCudaDriver.cuMemcpyDtoH(Pointer.to(new float[1]), x, 4)).isEqualTo(906);
    assertThat(end(blocking)).isEqualTo(901);
  }

  @Test
  void aCapturedEventCanNotBeAskedFor() {
    check(begin(stream, THREAD_LOCAL));
    CUevent event = recorded(stream);
    assertThat(JCudaDriver.cuEventQuery(event)).isEqualTo(907);
    assertThat(end(stream)).as("after a query").isEqualTo(901);
    check(begin(stream, THREAD_LOCAL));
    event = recorded(stream);
    assertThat(JCudaDriver.cuEventSynchronize(event)).isEqualTo(907);
    assertThat(end(stream)).as("after a wait").isEqualTo(901);
    assertThat(JCudaDriver.cuEventQuery(event)).as("when the capture is over").isEqualTo(907);
  }

  @Test
  void aSideStreamMustBeJoined() {
    CUstream side = stream();
    CUfunction fill = fill();
    CUdeviceptr y = allocate(4);
    check(begin(stream, THREAD_LOCAL));
    check(JCudaDriver.cuStreamWaitEvent(side, recorded(stream), 0));
    check(launch(fill, 1, 1, 0, side, y, 0));
    assertThat(end(stream)).isEqualTo(904);

    check(begin(stream, THREAD_LOCAL));
    check(JCudaDriver.cuStreamWaitEvent(side, recorded(stream), 0));
    check(launch(fill, 1, 1, 0, side, y, 0));
    assertThat(end(side)).as("on the side stream").isEqualTo(903);
    check(JCudaDriver.cuStreamWaitEvent(stream, recorded(side), 0));
    check(end(stream));
  }

  @Test
  void aCaptureMayNotDependOnWhatLiesOutsideOfIt() {
    CUevent outside = recorded(stream());
    check(begin(stream, THREAD_LOCAL));
    assertThat(JCudaDriver.cuStreamWaitEvent(stream, outside, 0)).isEqualTo(905);
    assertThat(end(stream)).isEqualTo(901);
  }

  @Test
  void twoCapturesMayNotMeet() {
    CUstream other = stream();
    check(begin(stream, THREAD_LOCAL));
    check(begin(other, THREAD_LOCAL));
    assertThat(JCudaDriver.cuStreamWaitEvent(other, recorded(stream), 0)).isEqualTo(902);
    assertThat(end(stream)).isEqualTo(901);
    assertThat(end(other)).isEqualTo(901);
  }

  @Test
  void aCaptureEndsOnTheThreadThatBeganIt() throws InterruptedException {
    check(begin(stream, THREAD_LOCAL));
    int[] status = new int[1];
    Thread thread = new Thread(() -> status[0] = end(stream));
    thread.start();
    thread.join();
    assertThat(status[0]).isEqualTo(908);
    assertThat(end(stream)).isEqualTo(901);
  }

  private static CUgraphExec executable(CUstream stream) {
    CUgraph graph = new CUgraph();
    check(JCudaDriver.cuStreamEndCapture(stream, graph));
    CUgraphExec executable = new CUgraphExec();
    check(JCudaDriver.cuGraphInstantiate(executable, graph, 0));
    check(JCudaDriver.cuGraphDestroy(graph));
    return executable;
  }

  @Test
  void aDestroyedGraphIsNotLaunched() {
    check(begin(stream, THREAD_LOCAL));
    CUgraphExec executable = executable(stream);
    check(JCudaDriver.cuGraphLaunch(executable, stream));
    check(JCudaDriver.cuGraphExecDestroy(executable));
    assertThat(JCudaDriver.cuGraphLaunch(executable, stream)).isEqualTo(1);
    assertThat(JCudaDriver.cuGraphExecDestroy(executable)).as("a second time").isEqualTo(1);
  }

  /** A graph keeps addresses, not memory: a kernel's and a copy's. */
  @Test
  void aGraphWhoseMemoryWasFreedIsReported() {
    CUfunction fill = fill();
    CUdeviceptr y = allocate(4);
    check(begin(stream, THREAD_LOCAL));
    check(launch(fill, 1, 1, 0, stream, y, 0));
    CUgraphExec kernel = executable(stream);
    check(JCudaDriver.cuGraphLaunch(kernel, stream));
    check(JCudaDriver.cuStreamSynchronize(stream));
    check(JCudaDriver.cuMemFree(y));
    check(JCudaDriver.cuGraphLaunch(kernel, stream));
    assertThat(JCudaDriver.cuStreamSynchronize(stream)).isEqualTo(700);

    Emulator.start();
    stream = stream();
    CUdeviceptr from = upload(1);
    CUdeviceptr to = upload(2);
    check(begin(stream, THREAD_LOCAL));
    check(JCudaDriver.cuMemcpyDtoDAsync(to, from, 4, stream));
    CUgraphExec copy = executable(stream);
    check(JCudaDriver.cuMemFree(from));
    check(JCudaDriver.cuGraphLaunch(copy, stream));
    assertThat(JCudaDriver.cuStreamSynchronize(stream)).isEqualTo(700);
  }

  @Test
  void workIsCountedWhenItIsDone() {
    EmulatorCounts counts = new EmulatorCounts(Path.of(System.getProperty("tandem.cuda.home")));
    CUfunction fill = fill();
    CUdeviceptr y = allocate(4);
    long kernels = counts.work("fill");
    long all = counts.work();
    long launches = counts.calls("cuLaunchKernel");
    check(begin(stream, THREAD_LOCAL));
    check(launch(fill, 1, 1, 0, stream, y, 0));
    check(JCudaDriver.cuMemsetD32Async(y, 0, 1, stream));
    CUgraphExec executable = executable(stream);
    assertThat(counts.work()).as("captured only").isEqualTo(all);
    check(JCudaDriver.cuGraphLaunch(executable, stream));
    check(JCudaDriver.cuGraphLaunch(executable, stream));
    check(launch(fill, 1, 1, 0, stream, y, 0));
    assertThat(counts.work("fill") - kernels).isEqualTo(3);
    // The graph twice, its two nodes twice, and a launch.
    assertThat(counts.work() - all).isEqualTo(7);
    assertThat(counts.calls("cuLaunchKernel") - launches).isEqualTo(2);
  }

  @Test
  void aFaultInsideAGraphIsReportedByTheWait() {
    CUdeviceptr y = allocate(4);
    CUfunction fill = fill();
    check(begin(stream, THREAD_LOCAL));
    check(launch(fill, 1, 1, 0, stream, y, 1));
    CUgraphExec executable = executable(stream);
    check(JCudaDriver.cuGraphLaunch(executable, stream));
    assertThat(JCudaDriver.cuStreamSynchronize(stream)).isEqualTo(700);
  }
}
