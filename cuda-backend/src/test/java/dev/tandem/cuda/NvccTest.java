package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NVIDIA's compiler takes every kernel, where there is one: the emulator's compiles C++ that is not quite CUDA's. */
class NvccTest {
  /** Warning: a variable that is never read, as of an input that a program ignores. */
  private static final String UNREAD = "177";

  @TempDir Path folder;

  private static Path nvcc() {
    String path = Objects.requireNonNullElse(System.getenv("PATH"), "");
    Stream<String> homes = Stream.of("CUDA_HOME", "CUDA_PATH").map(System::getenv).filter(Objects::nonNull);
    Stream<Path> folders = Stream.of(homes.map(h -> Path.of(h, "bin")), Stream.of(Path.of("/usr/local/cuda/bin")),
        Arrays.stream(path.split(File.pathSeparator)).map(Path::of)).flatMap(s -> s);
    Path found = folders.map(f -> f.resolve("nvcc")).filter(Files::isExecutable).findFirst().orElse(null);
    if (found == null) {
      System.err.println("WARNING: no nvcc on the PATH: NVIDIA's compiler has NOT seen the CUDA sources");
    }
    Assumptions.assumeTrue(found != null, "no nvcc");
    return found;
  }

  /** Runs each kind of kernel, so that its source is known. */
  private static void useAll(Device d) {
    Tensor x = Tensor.ones(d, 8, 4096).contiguous();
    Tensor index = Tensor.of(d, new int[5000], 5000);
    Expr counter = Expr.input(1, DType.Kind.INT);
    Program dropout = Program.of(2, Expr.random(counter, 3).less(0.5).where(Expr.input(0).sigmoid(), Expr.constant(0)));
    Tensor.pointwise("dropout", dropout, Launch.random(1), x, Tensor.of(d, new int[] {1}, 1));
    Execution.one(Pointwise.of("cast", Program.of(1, Expr.input(0).pow(3)), Launch.NONE, DType.BF16),
        x.slice(1, 0, 4096, 3));
    Tensor.ones(d, 1 << 15).contiguous().sum();
    x.sum(0);
    x.argmax(1);
    Execution.one(new Gather(), x, Tensor.of(d, new int[] {1, 2}, 2));
    Execution.one(new ScatterAdd(300), Tensor.ones(d, 5000, 4).contiguous(), index);
    Execution.one(new CumulativeSum(1, true), Tensor.ones(d, 2, 20_000));
    Execution.run(new SoftmaxCrossEntropy(), x, Tensor.of(d, new int[8], 8));
    Execution.run(new SoftmaxCrossEntropy(), Tensor.ones(d, 8, 10).contiguous(), Tensor.of(d, new int[8], 8));
    Execution.run(new Recurrent(Recurrent.Cell.GRU_RESET_BEFORE, false, false), Tensor.ones(d, 2, 3, 4),
        Tensor.ones(d, 3, 5), Tensor.ones(d, 15, 4), Tensor.ones(d, 15, 5), Tensor.ones(d, 15), Tensor.ones(d, 15));
    Tensor image = Tensor.ones(d, 2, 3, 8, 8);
    Execution.one(new Pool2d(PoolGeometry.of(PoolGeometry.Kind.MAX, 2)), image);
    Execution.run(new Normalize(List.of(1, 2, 3), 1e-5, false), image);
    x.slice(1, 0, 4096, 3).matmul(Tensor.ones(d, 1366, 2));
  }

  private static List<String> packedFiles() throws IOException, URISyntaxException {
    Path one = Path.of(Objects.requireNonNull(Kernels.class.getResource("rows.cu")).toURI());
    try (Stream<Path> files = Files.list(one.getParent())) {
      return files.map(f -> f.getFileName().toString()).filter(f -> f.endsWith(".cu") || f.endsWith(".cuh")).toList();
    }
  }

  @Test
  void everySourceCompiles() throws IOException, InterruptedException, URISyntaxException {
    Path nvcc = nvcc();
    Cuda.backend();
    CudaContext context = new CudaContext(0);
    List<String> sources;
    try (CudaBackend backend = new CudaBackend(context)) {
      useAll(new Device(backend));
      sources = context.kernels().loadedSources();
      for (String file : packedFiles()) {
        assertThat(sources).as("sources that hold %s", file)
            .anySatisfy(s -> assertThat(s).contains(context.kernels().source(file)));
      }
    }
    List<String> command = new ArrayList<>(List.of(nvcc.toString(), "-arch=sm_90", "-std=c++17", "--fmad=false",
        "-cubin", "-Werror", "all-warnings", "-diag-suppress", UNREAD, "-odir", folder.toString()));
    for (int i = 0; i < sources.size(); i++) {
      Path file = folder.resolve("source" + i + ".cu");
      Files.writeString(file, sources.get(i));
      command.add(file.toString());
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("nvcc says:\n%s", output).isZero();
  }
}
