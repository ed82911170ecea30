package dev.tandem.benchmarks;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * Matrix products {@code [M, K] x [K, N]} of fp32 in the sizes that training has, operands row-major ({@code n}) or
 * transposed ({@code t}): in backward a linear layer makes {@code nt} and {@code tn}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class MatMulBenchmark {
  @Param("cpu") public String device = "";

  @Param({"1", "2"}) public int threads;

  /** M, N and K. */
  @Param({"64x64x64", "128x128x128", "256x256x256", "512x512x512", "1024x1024x1024", "2048x2048x2048", "64x512x784",
      "128x512x784",
      "128x10x512", "32x1024x256"}) public String size = "";

  @Param({"nn", "nt", "tn", "tt"}) public String layout = "";

  private Device on;
  private Tensor a;
  private Tensor b;

  /** Each combination of parameters has its own JVM, so the property is read when its device opens. */
  @Setup
  public void createOperands() {
    System.setProperty("tandem.threads", Integer.toString(threads));
    int[] mnk = Arrays.stream(size.split("x")).mapToInt(Integer::parseInt).toArray();
    on = Device.of(device);
    a = matrix(on, mnk[0], mnk[2], layout.charAt(0) == 't');
    b = matrix(on, mnk[2], mnk[1], layout.charAt(1) == 't');
  }

  private static Tensor matrix(Device device, int rows, int columns, boolean transposed) {
    var random = new SplittableRandom(42);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5);
    }
    return transposed ? Tensor.of(device, values, columns, rows).transpose(0, 1)
        : Tensor.of(device, values, rows, columns);
  }

  /** In a scope, so that the product lies in memory that is used again. */
  @Benchmark
  public void matmul(Blackhole consumer) {
    try (var _ = dev.tandem.core.tensor.Scope.inference(on)) {
      consumer.consume(a.matmul(b));
      on.backend().synchronize();
    }
  }
}
