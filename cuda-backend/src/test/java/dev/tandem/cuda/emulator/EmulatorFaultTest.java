package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.function;
import static dev.tandem.cuda.emulator.Emulator.launch;
import static dev.tandem.cuda.emulator.Emulator.meaning;
import static dev.tandem.cuda.emulator.Emulator.upload;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each safety net catches the fault it is there for, names it, and lets the same kernel without the fault pass. */
class EmulatorFaultTest {
  private static final String SOURCE = """
      extern "C" __global__ void fill(float* y, int n, int offset) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i + offset] = 1.f;
      }
      extern "C" __global__ void take(const float* x, float* y, int i) { y[0] = x[i]; }
      extern "C" __global__ void take4(const float* x, float* y, int i) { *(float4*)y = *(const float4*)(x + i); }
      extern "C" __global__ void sharedIndex(float* y, int offset) {
        __shared__ float s[32];
        s[threadIdx.x + offset] = 1.f;
        __syncthreads();
        y[threadIdx.x] = s[threadIdx.x];
      }
      extern "C" __global__ void dynamicIndex(float* y, int offset) {
        extern __shared__ float s[];
        s[threadIdx.x + offset] = 1.f;
        __syncthreads();
        y[threadIdx.x] = s[threadIdx.x];
      }
      extern "C" __global__ void mirror(float* y, int barrier) {
        __shared__ float s[64];
        int t = threadIdx.x;
        s[t] = t;
        if (barrier) __syncthreads();
        y[t] = s[63 - t];
      }
      extern "C" __global__ void misalignedAtomic(char* y, int offset) { atomicAdd((float*)(y + offset), 1.f); }
      extern "C" __global__ void __launch_bounds__(64) bounded(float* y) { y[threadIdx.x] = 1; }
      extern "C" __global__ void unwritten(float* y, int write) {
        __shared__ float s[32];
        if (write) s[threadIdx.x] = 1;
        __syncthreads();
        y[threadIdx.x] = s[threadIdx.x];
      }
      extern "C" __global__ void asserted(float* y, int n) { assert(n > 0); y[0] = n; }
      """;
  private static CUmodule module = new CUmodule();
  private static boolean compiled;

  @BeforeEach
  void start() {
    Emulator.start();
    if (!compiled) {
      module = Emulator.module(SOURCE);
      compiled = true;
    }
  }

  /** The status that a wait gives after one block of the kernel. */
  private static int run(String kernel, int threads, int shared, Object... arguments) {
    int status = launch(function(module, kernel), 1, threads, shared, null, arguments);
    return status != 0 ? status : JCudaDriver.cuCtxSynchronize();
  }

  /** @param words that its report must hold */
  record Fault(String what, Supplier<Integer> faulty, Supplier<Integer> right, int status, List<String> words) {
    Fault(String what, Supplier<Integer> faulty, Supplier<Integer> right, int status, String... words) {
      this(what, faulty, right, status, List.of(words));
    }
  }

  private static CUdeviceptr freed() {
    CUdeviceptr x = upload(1, 2);
    check(JCudaDriver.cuMemFree(x));
    return x;
  }

  static Stream<Arguments> faults() {
    return Stream.of(
        new Fault("a write past the end by one float", () -> run("fill", 32, 0, allocate(128), 32, 1),
            () -> run("fill", 32, 0, allocate(128), 32, 0), 700, "kernel fill", "thread (31,0,0)", "write of 4 bytes",
            "byte 128 of allocation", "4 past its end"),
        new Fault("a read before the start", () -> run("take", 1, 0, upload(1), allocate(4), -1),
            () -> run("take", 1, 0, upload(1), allocate(4), 0), 700, "kernel take", "4 bytes before allocation"),
        new Fault("a use after free", () -> run("take", 1, 0, freed(), allocate(4), 0),
            () -> run("take", 1, 0, upload(1, 2), allocate(4), 0), 700, "which is freed"),
        new Fault("a null pointer", () -> run("take", 1, 0, new CUdeviceptr(), allocate(4), 0),
            () -> run("take", 1, 0, upload(1), allocate(4), 0), 700, "null pointer"),
        new Fault("a misaligned float4", () -> run("take4", 1, 0, upload(new float[8]), allocate(16), 1),
            () -> run("take4", 1, 0, upload(new float[8]), allocate(16), 4), 716, "misaligned", "source line 6"),
        new Fault("a misaligned atomic", () -> run("misalignedAtomic", 1, 0, upload(0, 0), 2),
            () -> run("misalignedAtomic", 1, 0, upload(0, 0), 4), 716, "misaligned atomic"),
        new Fault("an index past a static shared array", () -> run("sharedIndex", 32, 0, allocate(128), 1),
            () -> run("sharedIndex", 32, 0, allocate(128), 0), 700, "array index 32 out of bounds"),
        new Fault("an index past dynamic shared memory", () -> run("dynamicIndex", 32, 128, allocate(128), 1),
            () -> run("dynamicIndex", 32, 128, allocate(128), 0), 700, "byte 128 of 128 bytes of dynamic shared"),
        new Fault("a missing __syncthreads", () -> run("mirror", 64, 0, allocate(256), 0),
            () -> run("mirror", 64, 0, allocate(256), 1), 719, "without a barrier between"),
        new Fault("a failed assertion", () -> run("asserted", 1, 0, allocate(4), 0),
            () -> run("asserted", 1, 0, allocate(4), 1), 719, "assertion failed: n > 0"),
        new Fault("more threads than a block may have", () -> run("fill", 2048, 0, allocate(4), 1, 0),
            () -> run("fill", 1024, 0, allocate(4), 1, 0), 1),
        new Fault("more threads than __launch_bounds__", () -> run("bounded", 128, 0, allocate(512)),
            () -> run("bounded", 64, 0, allocate(512)), 701),
        new Fault("more shared memory than allowed", () -> run("dynamicIndex", 32, 65536, allocate(128), 0),
            () -> run("dynamicIndex", 32, 49152, allocate(128), 0), 1),
        new Fault("a copy past the end", () -> JCudaDriver.cuMemcpyDtoH(Pointer.to(new float[4]), upload(1), 16),
            () -> JCudaDriver.cuMemcpyDtoH(Pointer.to(new float[4]), upload(1), 4), 700, "copy source",
            "12 past its end"))
        .map(f -> Arguments.of(f.what(), f));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("faults")
  void aFaultIsNamedAndTheSameWithoutItPasses(String what, Fault fault) {
    assertThat(fault.right().get()).as("without the fault").isZero();
    assertThat(fault.faulty().get()).as(what).isEqualTo(fault.status());
    for (String word : fault.words()) {
      assertThat(meaning(fault.status())).contains(word);
    }
  }

  @Test
  void lanesThatNeverComeToAShuffleAreReported() {
    String source = """
        extern "C" __global__ void lost(float* y) {
          int t = threadIdx.x;
          if (t < 16) y[t] = __shfl_xor_sync(0xffffffffu, (float)t, 1); else __syncthreads();
        }
        """;
    check(launch(function(Emulator.module(source), "lost"), 1, 32, 0, null, allocate(128)));
    assertThat(JCudaDriver.cuCtxSynchronize()).isEqualTo(719);
    assertThat(meaning(719)).contains("kernel lost", "mask ffffffff");
  }

  @Test
  void memoryThatNobodyWroteReadsAsNaN() {
    assertThat(download(allocate(8), 2)).containsOnly(Float.NaN);
    CUdeviceptr y = allocate(128);
    check(run("unwritten", 32, 0, y, 0));
    assertThat(download(y, 1)).containsOnly(Float.NaN);
    check(run("unwritten", 32, 0, y, 1));
    assertThat(download(y, 1)).containsOnly(1);
  }

  @Test
  void aFaultStaysUntilTheContextIsReset() {
    assertThat(run("fill", 32, 0, allocate(128), 32, 1)).isEqualTo(700);
    assertThat(JCudaDriver.cuMemAlloc(new CUdeviceptr(), 16)).isEqualTo(700);
    assertThat(JCudaDriver.cuCtxSynchronize()).isEqualTo(700);
    check(JCudaDriver.cuDevicePrimaryCtxReset(Emulator.DEVICE));
    assertThat(run("fill", 32, 0, allocate(128), 32, 0)).isZero();
  }

  @Test
  void theOptInAllowsMoreSharedMemory() {
    check(JCudaDriver.cuFuncSetAttribute(function(module, "dynamicIndex"), 8, 65536));
    assertThat(JCudaDriver.cuFuncSetAttribute(function(module, "dynamicIndex"), 8, 300_000)).isEqualTo(1);
  }
}
