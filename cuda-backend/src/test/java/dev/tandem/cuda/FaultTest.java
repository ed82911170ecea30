package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.train.TrainStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls that fail, planted in the emulator: each in a process of its own. */
class FaultTest {
  @TempDir Path cache;

  /** Trains, and then tries to use the device once more. */
  static final class Train {
    private Train() {
    }

    public static void main(String[] arguments) {
      CudaBackend backend = Cuda.backend();
      try {
        SmallNetwork.Kind kind =
            arguments.length == 0 ? SmallNetwork.Kind.MLP : SmallNetwork.Kind.valueOf(arguments[0]);
        System.out.println("trained " + SmallNetwork.run(kind, new Device(backend), new Sgd(0.02), true, 4));
      } catch (CudaException | OutOfDeviceMemoryException e) {
        System.out.println("failed <" + e.getMessage() + ">");
      }
      try {
        backend.synchronize();
        System.out.println("usable");
      } catch (CudaException e) {
        System.out.println("unusable <" + e.getMessage() + ">");
      }
    }
  }

  private String train(String fault, String... kind) throws Exception {
    Cuda.emulator();
    return JavaProcess.run(Map.of("EMU_FAIL", fault), Cuda.flags(cache), Train.class, kind).output();
  }

  /** The calls of {@code function} with these numbers give {@code status}. */
  private static String fail(String function, IntStream calls, int status) {
    return calls.mapToObj(n -> function + ":" + n + "=" + status).collect(Collectors.joining(","));
  }

  private static String trained(String output) {
    return output.lines().filter(l -> l.startsWith("trained")).findFirst().orElse("no training in " + output);
  }

  /** Every allocation fails at first: what is cached is freed, and the second attempt succeeds. */
  @Test
  void allocationsThatFailOnceChangeNothing() throws Exception {
    String undisturbed = trained(train(""));
    assertThat(undisturbed).startsWith("trained [");
    assertThat(trained(train(fail("cuMemAlloc_v2", IntStream.iterate(1, n -> n + 2).limit(80), 2))))
        .isEqualTo(undisturbed);
  }

  @Test
  void withoutPinnedMemoryNothingIsCopiedAndTheErrorSaysSo() throws Exception {
    assertThat(train(fail("cuMemHostAlloc", IntStream.rangeClosed(1, 50), 2))).contains(
        "failed <the host has no 2,097,152 bytes of page-locked memory for copies to and from cuda:0", "free memory of",
        "usable").doesNotContain("unusable");
  }

  /** Large inputs find no memory for copies of their own and go the short way, slower. */
  static final class Upload {
    private Upload() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      float[] values = new float[3_000_000];
      for (int i = 0; i < values.length; i++) {
        values[i] = i % 1000;
      }
      Tensor t = Tensor.zeros(device, values.length);
      for (int i = 0; i < 3; i++) {
        t.write(values);
      }
      System.out.println("written " + Arrays.equals(t.toArray(), values));
    }
  }

  @Test
  void withoutMemoryForOverlappingCopiesValuesArriveAllTheSame() throws Exception {
    Cuda.emulator();
    // Page-locked memory is asked for by the short way first; device memory by the tensors first.
    for (String fault : List.of("", "cuMemHostAlloc:2=2", "cuMemHostAlloc:4=2", "cuMemAlloc_v2:3=2")) {
      assertThat(JavaProcess.run(Map.of("EMU_FAIL", fault, "EMU_LAZY", "1"), Cuda.flags(cache), Upload.class).output())
          .as(fault).contains("written true");
    }
  }

  /** Fills a small device with tensors that nobody can reach any more, then with some that are kept. */
  static final class Fill {
    private Fill() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      Module model = new Sequential(new Linear(1000, 1000), new Relu(), new Linear(1000, 10)).on(device, 1);
      float[] megabytes = new float[1 << 20];
      for (int i = 0; i < 40; i++) {
        Tensor.of(device, megabytes, 1 << 20);
      }
      System.out.println("leaked 160 MiB, " + (device.bytesHeld() <= 64 << 20));
      System.out.println("inferred " + model.apply(Tensor.zeros(device, 1000, 1000)).shape());
      List<Tensor> kept = new ArrayList<>();
      try {
        while (true) {
          kept.add(Tensor.of(device, megabytes, 1 << 20));
        }
      } catch (OutOfDeviceMemoryException e) {
        System.out.println("full <" + e.getMessage() + "> with " + kept.size());
      }
      kept.clear();
      System.out.println("again " + model.apply(Tensor.zeros(device, 1000, 1000)).shape());
    }
  }

  /** The device has 100 MiB, of which cuBLAS has 32. */
  @Test
  void outOfMemoryFreesWhatNobodyUsesAndThenNamesWhoHoldsMost() throws Exception {
    Cuda.emulator();
    String output = JavaProcess.run(Map.of("EMU_MEM", Long.toString(100L << 20)), Cuda.flags(cache), Fill.class)
        .output();
    assertThat(output).contains("leaked 160 MiB, true", "inferred [1000, 10]", "again [1000, 10]",
        "full <cuda:0 has no room for 4.0 MiB of tensors made outside any step: 4,194,304 bytes of device memory wanted",
        "tensors made outside any step ", "parameters of Sequential 3.9 MiB", "gradients of Sequential 3.9 MiB");
  }

  /** A step too large for the device: the layer that wanted most is named. */
  static final class Overflow {
    private Overflow() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      Module model = new Sequential(new Linear(10, 20_000), new Relu(), new Linear(20_000, 5)).on(device, 1);
      Sgd optimizer = new Sgd(0.1);
      optimizer.on(model);
      TrainStep step = TrainStep.of(optimizer, 1, SmallNetwork.training(model, optimizer));
      for (int n : new int[] {8, 1000, 8}) {
        try {
          System.out.println("trained " + step.run(
              Batch.of(HostArray.of(new float[10 * n], n, 10), HostArray.of(new int[n], n))).item());
        } catch (OutOfDeviceMemoryException e) {
          System.out.println("full <" + e.getMessage() + ">");
        }
      }
    }
  }

  @Test
  void aStepTooLargeNamesTheLayersThatHoldMost() throws Exception {
    Cuda.emulator();
    String output = JavaProcess.run(Map.of("EMU_MEM", Long.toString(150L << 20)), Cuda.flags(cache), Overflow.class)
        .output();
    assertThat(output).containsPattern("(?s)trained 1\\..*full <cuda:0 has no room for .* of temporaries of "
        + "Sequential.*It holds .*temporaries of Sequential\\.0 81\\.3 MiB.*trained 0\\.");
  }

  @Test
  void aLibraryThatDoesNotSupportACallNamesItAndTheOperation() throws Exception {
    assertThat(train("cudnnConvolutionForward:1=3000", "CNN")).contains("failed <cudnnConvolutionForward failed on "
        + "cuda:0 with CUDNN_STATUS_NOT_SUPPORTED", "in Conv2d", "usable").doesNotContain("unusable");
    assertThat(train("cudnnRNNForward:1=3000", "LSTM")).contains("failed <cudnnRNNForward failed on cuda:0 with "
        + "CUDNN_STATUS_NOT_SUPPORTED", "in Recurrent", "usable").doesNotContain("unusable");
    assertThat(train("cublasGemmEx:1=15")).contains("failed <cublas", "CUBLAS_STATUS_NOT_SUPPORTED", "in MatMul",
        "usable").doesNotContain("unusable");
  }

  @Test
  void aLaunchThatFailsNamesCallStatusAndOperation() throws Exception {
    assertThat(train("cuLaunchKernel:20=701")).contains("failed <cuLaunchKernel of ",
        "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", ", in ", "usable").doesNotContain("unusable");
  }

  @Test
  void anIllegalAddressMakesTheDeviceUnusable() throws Exception {
    assertThat(train("cuLaunchKernel:20=700")).contains("failed <", "CUDA_ERROR_ILLEGAL_ADDRESS",
        "unusable <cuda:0 can not be used any more in this process");
  }

  @Test
  void aFailedCopyIsNoticed() throws Exception {
    assertThat(train("cuMemcpyHtoDAsync_v2:3=1")).contains("failed <cuMemcpyHtoDAsync", "CUDA_ERROR_INVALID_VALUE");
  }

  /** Trains with and without replay, and says how. */
  static final class State {
    private State() {
    }

    public static void main(String[] arguments) {
      Device device = new Device(Cuda.backend());
      Module model = SmallNetwork.model().on(device, 1);
      Optimizer optimizer = new Sgd(0.02).on(model);
      TrainStep step = TrainStep.of(optimizer, 3, SmallNetwork.training(model, optimizer));
      List<Float> losses = new ArrayList<>();
      try {
        for (int i = 0; i < 8; i++) {
          losses.add(step.run(SmallNetwork.batch(16, i)).item());
        }
        System.out.println("trained " + losses + " " + step.state());
      } catch (CudaException e) {
        System.out.println("failed <" + e.getMessage() + ">");
      }
    }
  }

  private String state(String fault, String... more) throws Exception {
    List<String> flags = new ArrayList<>(Cuda.flags(cache));
    flags.addAll(List.of(more));
    String output = JavaProcess.run(Map.of("EMU_FAIL", fault), flags, State.class).output();
    return output.lines().filter(l -> l.startsWith("trained ") || l.startsWith("failed ")).findFirst().orElse(output);
  }

  private static String losses(String state) {
    return state.substring(0, state.indexOf(']') + 1);
  }

  @Test
  void aStepThatCanNotBeCapturedIsReplayedCallByCall() throws Exception {
    Cuda.emulator();
    String captured = state("");
    assertThat(captured).contains("] replaying one CUDA graph of ");
    for (String refused : List.of("cuStreamBeginCapture_v2", "cuGraphInstantiateWithFlags")) {
      String flat = state(refused + ":1=999");
      assertThat(flat)
          .contains("calls, not captured: " + refused.replaceAll("_v2|WithFlags", "") + " failed on cuda:0");
      assertThat(losses(flat)).as(refused).isEqualTo(losses(captured));
    }
    String synchronous = state("", "-Dtandem.cuda.sync=true");
    assertThat(synchronous).contains("calls, not captured: -Dtandem.cuda.sync=true waits after each");
    assertThat(losses(synchronous)).isEqualTo(losses(captured));
  }

  /** Nothing is known of the operation: the step is named. */
  @Test
  void aGraphThatFailsNamesTheStep() throws Exception {
    Cuda.emulator();
    assertThat(state("cuGraphLaunch:1=1")).startsWith("failed <cuGraphLaunch failed on cuda:0 with "
        + "CUDA_ERROR_INVALID_VALUE").contains(", in a step of ", " calls replayed as one CUDA graph>");
    assertThat(state("cuGraphLaunch:2=700")).contains("It happened in a step of ",
        "-Dtandem.cuda.sync=true names the one that failed");
  }

  /** An operand that says more than its storage holds, by way of a kernel: what a bug of ours would do. */
  static final class Stray {
    private Stray() {
    }

    public static void main(String[] arguments) {
      CudaBackend backend = Cuda.backend();
      CudaStorage memory = (CudaStorage) backend.allocate(DType.F32, 8);
      CudaStorage wrong = new CudaStorage(DType.F32, 4096, memory.address(), () -> {
      });
      try {
        backend.execute(negation(wrong, memory, 4096));
        System.out.println("given");
        backend.synchronize();
      } catch (CudaException e) {
        System.out.println("failed <" + e.getMessage() + ">");
      }
    }

    private static Call negation(Storage in, Storage out, int n) {
      Layout all = Layout.contiguous(Shape.of(n));
      Layout one = Layout.contiguous(Shape.of(1)).expand(Shape.of(n));
      Operand to = new Operand(in, all);
      return new Call(Pointwise.of("negate", Program.of(1, Expr.input(0).neg())), List.of(new Operand(out, one)),
          List.of(to), null);
    }
  }

  @Test
  void aFaultInAKernelIsReportedLateAndAtOnceWhenSynchronous() throws Exception {
    Cuda.emulator();
    assertThat(JavaProcess.run(Map.of(), Cuda.flags(cache), Stray.class).output()).contains("failed <",
        "-Dtandem.cuda.sync=true");
    List<String> flags = new ArrayList<>(Cuda.flags(cache));
    flags.add("-Dtandem.cuda.sync=true");
    assertThat(JavaProcess.run(Map.of(), flags, Stray.class).output()).contains("failed <", "in negate")
        .doesNotContain("given", "-Dtandem.cuda.sync=true");
  }

  /** Compiled kernels on disk are used again, and made anew when they are damaged, however. */
  @Test
  void damagedKernelsAreCompiledAnew() throws Exception {
    String first = train("");
    List<Path> files;
    try (Stream<Path> all = Files.walk(cache)) {
      files = all.filter(f -> f.toString().endsWith(".cubin")).toList();
    }
    assertThat(files).isNotEmpty();
    // With every compilation failing, only the kernels on disk can serve.
    String noCompiler = Stream.iterate(1, i -> i + 1).limit(40).map(i -> "nvrtcCompileProgram:" + i + "=6")
        .reduce((a, b) -> a + "," + b).orElseThrow();
    assertThat(trained(train(noCompiler))).isEqualTo(trained(first));
    damage(files);
    assertThat(train(noCompiler)).contains("failed <nvrtcCompileProgram of ");
    assertThat(trained(train(""))).isEqualTo(trained(first));
  }

  private static void damage(List<Path> files) throws IOException {
    CubinCache cache = new CubinCache(files.getFirst().getParent(), 10_000);
    for (int i = 0; i < files.size(); i++) {
      if (i % 2 == 0) {
        Files.writeString(files.get(i), "damaged");
      } else {
        String name = files.get(i).getFileName().toString();
        cache.write(name.substring(0, name.length() - ".cubin".length()), new byte[] {1, 2, 3});
      }
    }
  }
}
