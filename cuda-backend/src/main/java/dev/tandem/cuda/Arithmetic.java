package dev.tandem.cuda;

import dev.tandem.core.op.Product;
import dev.tandem.core.shape.DType;

/**
 * How a product is computed, in the numbers by which cuBLAS and cuDNN know it. Sums are fp32 in all of them.
 *
 * <p>From compute capability 8.0 on cuDNN's default math rounds operands of F32 to TF32, so that fp32 has to ask for plain fused
 * multiply-adds by name. cuBLAS does so only when it is asked to.
 */
enum Arithmetic {
  FP32(DType.F32, 0, 68, 0, 3),
  /** Operands lie in F32 and are rounded on their way into the tensor cores. */
  TF32(DType.F32, 0, 77, 0, 0),
  /** Operands and results are BF16. */
  BF16(DType.BF16, 14, 68, 9, 1);

  private final DType type;
  private final int cublasType;
  private final int cublasCompute;
  private final int cudnnType;
  private final int cudnnMath;

  Arithmetic(DType type, int cublasType, int cublasCompute, int cudnnType, int cudnnMath) {
    this.type = type;
    this.cublasType = cublasType;
    this.cublasCompute = cublasCompute;
    this.cudnnType = cudnnType;
    this.cudnnMath = cudnnMath;
  }

  /** @param operands what all operands of {@code op} are */
  static Arithmetic of(Product op, DType operands) {
    return operands == DType.BF16 ? BF16 : op.tf32() ? TF32 : FP32;
  }

  /** What operands and results are in memory. */
  DType type() {
    return type;
  }

  /** Of {@code cudaDataType}. */
  int cublasType() {
    return cublasType;
  }

  /** Of {@code cublasComputeType_t}. */
  int cublasCompute() {
    return cublasCompute;
  }

  /** Of {@code cudnnDataType_t}. */
  int cudnnType() {
    return cudnnType;
  }

  /** Of {@code cudnnMathType_t}. */
  int cudnnMath() {
    return cudnnMath;
  }

  /** Whether tensor cores do the work. */
  boolean usesTensorCores() {
    return this != FP32;
  }
}
