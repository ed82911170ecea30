package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a user reads when cuBLAS or cuDNN refuses a call. */
class LibraryErrorsTest {
  private CudaContext context;

  @BeforeEach
  void open() {
    Cuda.backend();
    context = new CudaContext(0);
  }

  @AfterEach
  void close() {
    context.close();
  }

  @Test
  void cublasNamesCallStatusAndMeaning() {
    Cublas cublas = Cublas.of(context);
    long memory = context.allocate(4096);
    Cublas.Matrix tooNarrow = new Cublas.Matrix(memory, false, 4, 0);
    Cublas.Matrix matrix = new Cublas.Matrix(memory, false, 8, 0);
    assertThatThrownBy(() -> cublas.multiply(Arithmetic.FP32, 8, 8, 8, tooNarrow, matrix, matrix, false, 1))
        .isInstanceOf(CudaException.class)
        .hasMessageContainingAll("cublasGemmEx", "CUBLAS_STATUS_INVALID_VALUE", "an argument out of range");
    assertThatCode(context::enter).as("the device can go on").doesNotThrowAnyException();
    context.release(memory);
  }

  @Test
  void cudnnNamesCallStatusAndMeaning() {
    ConvolutionPlan.Key impossible = new ConvolutionPlan.Key(ConvolutionPlan.Direction.FORWARD, ConvGeometry.of(1, 0),
        ConvolutionPlan.Format.NCHW, Arithmetic.FP32, Shape.of(1, 3, 5, 5), Shape.of(2, 4, 3, 3),
        Shape.of(1, 2, 3, 3));
    assertThatThrownBy(() -> ConvolutionPlan.of(Cudnn.of(context), impossible)).isInstanceOf(CudaException.class)
        .hasMessageContainingAll("cudnnGetConvolutionForward", "BAD_PARAM", "an argument out of range");
    assertThatCode(context::enter).as("the device can go on").doesNotThrowAnyException();
  }
}
