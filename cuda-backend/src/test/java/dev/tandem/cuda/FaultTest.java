package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.nn.Module;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.train.TrainStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
        System.out.println("trained " + SmallNetwork.run(new Device(backend), new Sgd(0.02), true, 4));
      } catch (CudaException e) {
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

  private String train(String fault) throws Exception {
    Cuda.emulator();
    return JavaProcess.run(Map.of("EMU_FAIL", fault), Cuda.flags(cache), Train.class).output();
  }

  private static String trained(String output) {
    return output.lines().filter(l -> l.startsWith("trained")).findFirst().orElse("no training in " + output);
  }

  /** Memory that runs out once is found again after what is cached was freed. */
  @Test
  void anAllocationThatFailsOnceChangesNothing() throws Exception {
    String undisturbed = trained(train(""));
    assertThat(undisturbed).startsWith("trained [");
    for (int n : new int[] {7, 25}) {
      assertThat(trained(train("cuMemAlloc_v2:" + n + "=2"))).as("allocation %d", n).isEqualTo(undisturbed);
    }
  }

  @Test
  void aLaunchThatFailsNamesCallStatusAndOperation() throws Exception {
    assertThat(train("cuLaunchKernel:30=701")).contains("failed <cuLaunchKernel of ",
        "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", ", in ", "usable").doesNotContain("unusable");
  }

  @Test
  void anIllegalAddressMakesTheDeviceUnusable() throws Exception {
    assertThat(train("cuLaunchKernel:30=700")).contains("failed <", "CUDA_ERROR_ILLEGAL_ADDRESS",
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
      assertThat(flat).contains("calls, not captured: " + refused.replaceAll("_v2|WithFlags", "") + " failed on cuda:0");
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
