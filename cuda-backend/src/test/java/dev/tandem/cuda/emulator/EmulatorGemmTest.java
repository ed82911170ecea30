package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.random;
import static dev.tandem.cuda.emulator.Emulator.upload;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The emulated cuBLAS against double loops. */
class EmulatorGemmTest {
  private static final int EXECUTION_FAILED = 13;
  private final cublasHandle handle = new cublasHandle();

  @BeforeEach
  void start() {
    Emulator.start();
    check(JCublas2.cublasCreate(handle));
  }

  private static Pointer scalar(float value) {
    return Pointer.to(new float[] {value});
  }

  @ParameterizedTest
  @CsvSource({"0, 0, 1, 0", "1, 0, 0.5, 0", "0, 1, 1, 2", "1, 1, -1, 1"})
  void batchesOfProductsAgreeWithDoubleLoops(int transposeA, int transposeB, float alpha, float beta) {
    int m = 7;
    int n = 5;
    int k = 9;
    int batch = 3;
    float[] a = random(1, batch * m * k);
    float[] b = random(2, batch * k * n);
    float[] c = random(3, batch * m * n);
    int lda = transposeA == 1 ? k : m;
    int ldb = transposeB == 1 ? n : k;
    var out = upload(c);
    check(JCublas2.cublasSgemmStridedBatched(handle, transposeA, transposeB, m, n, k, scalar(alpha), upload(a), lda,
        (long) m * k, upload(b), ldb, (long) k * n, scalar(beta), out, m, (long) m * n, batch));
    float[] got = download(out, c.length);
    for (int q = 0; q < batch; q++) {
      for (int j = 0; j < n; j++) {
        for (int i = 0; i < m; i++) {
          double sum = 0;
          for (int p = 0; p < k; p++) {
            double left = a[q * m * k + (transposeA == 1 ? i * lda + p : p * lda + i)];
            double right = b[q * k * n + (transposeB == 1 ? p * ldb + j : j * ldb + p)];
            sum += left * right;
          }
          int at = (q * n + j) * m + i;
          // Nine products below 1: an ulp of 1 each at most.
          assertThat((double) got[at]).isEqualTo(alpha * sum + beta * c[at], within(2e-6));
        }
      }
    }
  }

  @Test
  void anOutputThatNobodyWroteIsNotReadWhenBetaIsZero() {
    var out = allocate(4);
    check(JCublas2.cublasSgemm(handle, 0, 0, 1, 1, 1, scalar(1), upload(2), 1, upload(3), 1, scalar(0), out, 1));
    assertThat(download(out, 1)).containsExactly(6);
  }

  @Test
  void anOperandShorterThanItsShapeIsAFault() {
    assertThat(JCublas2.cublasSgemm(handle, 0, 0, 4, 4, 4, scalar(1), upload(new float[15]), 4, upload(new float[16]),
        4, scalar(0), allocate(64), 4)).isZero();
    assertThat(JCudaDriver.cuCtxSynchronize()).as("the wait tells").isEqualTo(700);
    assertThat(Emulator.meaning(700)).contains("cublasSgemm_v2 A", "4 past its end");
    assertThat(JCublas2.cublasSetMathMode(handle, 0)).as("so does the next call").isEqualTo(EXECUTION_FAILED);
  }

  @Test
  void leadingDimensionsTooSmallAreRefused() {
    assertThat(JCublas2.cublasSgemm(handle, 0, 0, 4, 4, 4, scalar(1), upload(new float[16]), 3, upload(new float[16]),
        4, scalar(0), allocate(64), 4)).isEqualTo(7);
  }

  private int multiply(int type, int compute, float value, CUdeviceptr out) {
    var operand = upload(value);
    return JCublas2.cublasGemmEx_new(handle, 0, 0, 1, 1, 1, scalar(1), operand, type, 1, operand, type, 1, scalar(0),
        out,
        type, 1, compute, -1);
  }

  /** 1 + 2^-12 has more bits than TF32's ten, and its square in fp32 is 1 + 2^-11. */
  @Test
  void operandsAreRoundedToTf32WhenComputeTypeOrMathModeSaySo() {
    int float32 = 0;
    int inFp32 = 68;
    int inTf32 = 77;
    var out = allocate(4);
    check(multiply(float32, inFp32, 1 + 0x1p-12f, out));
    assertThat(download(out, 1)).containsExactly(1 + 0x1p-11f);
    check(multiply(float32, inTf32, 1 + 0x1p-12f, out));
    assertThat(download(out, 1)).containsExactly(1);
    check(JCublas2.cublasSetMathMode(handle, 3));
    check(multiply(float32, inFp32, 1 + 0x1p-12f, out));
    assertThat(download(out, 1)).containsExactly(1);
  }

  @Test
  void typesOfComputationThatDoNotExistOrFitAreRefused() {
    int notSupported = 15;
    var out = allocate(4);
    assertThat(multiply(0, 99, 1, out)).as("no compute type").isEqualTo(notSupported);
    assertThat(multiply(14, 77, 1, out)).as("BF16 in TF32").isEqualTo(notSupported);
    assertThat(JCublas2.cublasSetMathMode(handle, 5)).as("no math mode").isEqualTo(7);
  }
}
