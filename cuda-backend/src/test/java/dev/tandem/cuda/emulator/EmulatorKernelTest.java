package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.compile;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.function;
import static dev.tandem.cuda.emulator.Emulator.launch;
import static dev.tandem.cuda.emulator.Emulator.module;
import static dev.tandem.cuda.emulator.Emulator.stream;
import static dev.tandem.cuda.emulator.Emulator.upload;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Kernels, memory, streams, events and graphs give what they give on a device. */
class EmulatorKernelTest {
  private static final String SOURCE = """
      __constant__ float scale[2];
      template <class T> __global__ void axpy(const T* x, T* y, T a, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] += a * x[i];
      }
      extern "C" __global__ void add(float* y, float v, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] += v;
      }
      extern "C" __global__ void scaled(float* y, int n) { if (threadIdx.x < n) y[threadIdx.x] *= scale[1]; }
      extern "C" __global__ void sum(const float* x, float* y, int n) {
        extern __shared__ float partial[];
        float s = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) s += x[i];
        for (int d = 16; d; d >>= 1) s += __shfl_xor_sync(0xffffffffu, s, d);
        if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = s;
        __syncthreads();
        if (threadIdx.x == 0) for (int w = 0; w < blockDim.x / 32; w++) atomicAdd(y, partial[w]);
      }
      extern "C" __global__ void votes(int* y, int n) {
        int t = threadIdx.x;
        int block = __syncthreads_count(t < n);
        unsigned warp = __ballot_sync(0xffffffffu, t < n);
        if (t == 0) { y[0] = block; y[1] = __popc(warp); }
      }
      """;

  @BeforeEach
  void start() {
    Emulator.start();
  }

  @Test
  void sumsAcrossLanesWarpsAndBlocksAreExact() {
    int n = 1000;
    float[] ones = new float[n];
    java.util.Arrays.fill(ones, 1);
    CUdeviceptr y = upload(0f);
    check(launch(function(module(SOURCE), "sum"), 3, 128, 4 * 4, null, upload(ones), y, n));
    assertThat(download(y, 1)).containsExactly(3f * n);
  }

  @Test
  void votesCountBlocksAndWarps() {
    CUdeviceptr y = allocate(8);
    check(launch(function(module(SOURCE), "votes"), 1, 96, 0, null, y, 50));
    int[] got = new int[2];
    check(JCudaDriver.cuMemcpyDtoH(Pointer.to(got), y, 8));
    assertThat(got).containsExactly(50, 32);
  }

  @Test
  void constantMemoryIsWrittenBySymbol() {
    CUmodule module = module(SOURCE);
    CUdeviceptr scale = new CUdeviceptr();
    long[] bytes = new long[1];
    check(JCudaDriver.cuModuleGetGlobal(scale, bytes, module, "scale"));
    assertThat(bytes[0]).isEqualTo(8);
    check(JCudaDriver.cuMemcpyHtoD(scale, Pointer.to(new float[] {2, 3}), 8));
    CUdeviceptr y = upload(1, 2);
    check(launch(function(module, "scaled"), 1, 32, 0, null, y, 2));
    assertThat(download(y, 2)).containsExactly(3, 6);
  }

  @Test
  void templatesAreFoundByNameExpression() {
    nvrtcProgram program = new nvrtcProgram();
    check(JNvrtc.nvrtcCreateProgram(program, SOURCE, "test.cu", 0, null, null));
    check(JNvrtc.nvrtcAddNameExpression(program, "&axpy<float>"));
    check(JNvrtc.nvrtcCompileProgram(program, 0, new String[0]));
    String[] name = new String[1];
    check(JNvrtc.nvrtcGetLoweredName(program, "&axpy<float>", name));
    String[] ptx = new String[1];
    check(JNvrtc.nvrtcGetPTX(program, ptx));
    CUmodule module = new CUmodule();
    check(JCudaDriver.cuModuleLoadData(module, ptx[0].getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    CUdeviceptr y = upload(1, 2);
    check(launch(function(module, name[0]), 1, 32, 0, null, upload(1, 1), y, 3f, 2));
    assertThat(download(y, 2)).containsExactly(4, 5);
  }

  @Test
  void sourceThatDoesNotCompileGivesTheLineInTheLog() {
    assertThatThrownBy(() -> compile("extern \"C\" __global__ void bad(float* x) {\n  x[0] = nope;\n}"))
        .hasMessageContaining("NVRTC_ERROR_COMPILATION").hasMessageContaining("test.cu:2")
        .hasMessageContaining("nope");
  }

  @Test
  void definesReachTheSource() {
    String source = "extern \"C\" __global__ void k(float* y) { y[0] = VALUE; }";
    CUdeviceptr y = allocate(4);
    check(launch(function(module(source, "-DVALUE=7", "--gpu-architecture=sm_90"), "k"), 1, 1, 0, null, y));
    assertThat(download(y, 1)).containsExactly(7);
  }

  @Test
  void aRealCubinAndNonsenseAreRefusedByName() {
    byte[] cubin = compile("extern \"C\" __global__ void k() {}");
    cubin[18] = (byte) 190; // the machine of NVIDIA's cubins
    assertThat(JCudaDriver.cuModuleLoadData(new CUmodule(), cubin)).isEqualTo(209);
    assertThat(JCudaDriver.cuModuleLoadData(new CUmodule(), "nonsense\0".getBytes(
        java.nio.charset.StandardCharsets.US_ASCII))).isEqualTo(218);
  }

  @Test
  void addressesAreNeverGivenOutTwice() {
    CUdeviceptr first = allocate(256);
    String before = first.toString();
    check(JCudaDriver.cuMemFree(first));
    assertThat(allocate(256).toString()).isNotEqualTo(before);
    assertThat(JCudaDriver.cuMemFree(first)).as("freed twice").isEqualTo(1);
  }

  @Test
  void fillsAndCopiesMoveTheirBytes() {
    CUdeviceptr a = allocate(16);
    CUdeviceptr b = allocate(16);
    check(JCudaDriver.cuMemsetD32(a, Float.floatToRawIntBits(2.5f), 4));
    check(JCudaDriver.cuMemcpyDtoD(b, a, 16));
    assertThat(download(b, 4)).containsOnly(2.5f);
  }

  @Test
  void aGraphRepeatsWhatWasCaptured() {
    CUstream stream = stream();
    CUdeviceptr y = upload(0f);
    CUfunction add = function(module(SOURCE), "add");
    check(JCudaDriver.cuStreamBeginCapture(stream, 1));
    check(launch(add, 1, 32, 0, stream, y, 1.5f, 1));
    CUgraph graph = new CUgraph();
    check(JCudaDriver.cuStreamEndCapture(stream, graph));
    assertThat(download(y, 1)).as("nothing runs under capture").containsExactly(0);
    CUgraphExec executable = new CUgraphExec();
    check(JCudaDriver.cuGraphInstantiate(executable, graph, 0));
    for (int i = 0; i < 3; i++) {
      check(JCudaDriver.cuGraphLaunch(executable, stream));
    }
    check(JCudaDriver.cuStreamSynchronize(stream));
    assertThat(download(y, 1)).containsExactly(4.5f);
  }

  @Test
  void eventsMeasureTheTimeBetweenThem() {
    CUstream stream = stream();
    CUevent begin = new CUevent();
    CUevent end = new CUevent();
    check(JCudaDriver.cuEventCreate(begin, 0));
    check(JCudaDriver.cuEventCreate(end, 0));
    check(JCudaDriver.cuEventRecord(begin, stream));
    check(launch(function(module(SOURCE), "add"), 100, 64, 0, stream, allocate(4 * 6400), 1f, 6400));
    check(JCudaDriver.cuEventRecord(end, stream));
    check(JCudaDriver.cuEventSynchronize(end));
    float[] milliseconds = new float[1];
    check(JCudaDriver.cuEventElapsedTime(milliseconds, begin, end));
    assertThat(milliseconds[0]).isPositive();
  }
}
